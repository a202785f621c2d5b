"""The API server that both sides are measured on, and a small client for it."""

import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .processes import Failure, Process, wait_until

USERS = ("bench", "anneal-operator", "kube-controller-manager")


@dataclass
class Access:
    """Where the API server is and how it is spoken to."""

    host: str
    port: int
    context: ssl.SSLContext | None
    token: str


class Client:
    """One connection a thread, kept open."""

    def __init__(self, access: Access):
        self.access = access
        self.local = threading.local()

    def request(self, method: str, path: str, body=None, content_type="application/json"):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.access.token}", "Content-Type": content_type}
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None) or self.connect()
            try:
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                answer = response.read()
                break
            except (OSError, http.client.HTTPException):
                self.local.connection = None
                if attempt == 2 or method == "POST":
                    raise
        if response.status >= 300:
            raise Failure(f"{method} {path}: {response.status} {answer[:600].decode(errors='replace')}")
        return json.loads(answer) if answer[:1] in (b"{", b"[") else answer

    def connect(self):
        access = self.access
        if access.context:
            connection = http.client.HTTPSConnection(access.host, access.port, context=access.context, timeout=60)
        else:
            connection = http.client.HTTPConnection(access.host, access.port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local.connection = connection
        return connection

    def count(self, collection: str) -> int:
        """Objects of a collection, without fetching them."""
        page = self.request("GET", f"{collection}?limit=1")
        return len(page["items"] or []) + (page["metadata"].get("remainingItemCount") or 0)

    def is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz") == b"ok"
        except (OSError, Failure):
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def create_definitions(client: Client):
    """Returns when the API server serves Anneal's kinds."""
    kinds = []
    for path in sorted((Path(__file__).resolve().parents[3] / "crds").glob("*.yaml")):
        made = client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", path.read_bytes(),
                              "application/yaml")
        kinds.append(made["spec"]["names"]["plural"])

    def serves() -> bool:
        try:
            for kind in kinds:
                client.count(f"/apis/anneal.dev/v1alpha1/namespaces/default/{kind}")
            return True
        except Failure:
            return False

    wait_until(serves, "the API server to serve Anneal's kinds")


class ControlPlane:
    """etcd and kube-apiserver of KUBEBUILDER_ASSETS on loopback: no rate limits, an audit log of writes."""

    def __init__(self, assets: Path, work: Path):
        for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
            if not os.access(assets / name, os.X_OK):
                raise Failure(f"{assets} has no {name}: KUBEBUILDER_ASSETS must name a folder with etcd, "
                              "kube-apiserver and kube-controller-manager")
        self.assets, self.work = assets, work
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        self.audit_log = work / "audit.log"
        self.processes: list[Process] = []

    def start(self):
        etcd, peer, self.port = free_port(), free_port(), free_port()
        self.processes.append(Process("etcd", [
            str(self.assets / "etcd"), "--data-dir", str(self.work / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", f"http://127.0.0.1:{etcd}", "--advertise-client-urls", f"http://127.0.0.1:{etcd}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--quota-backend-bytes", str(4 << 30)], self.work))
        key = self.work / "service-account.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        tokens = self.work / "tokens.csv"
        tokens.write_text("".join(
            f"{token},{user},{user},system:masters\n" for user, token in self.tokens.items()))
        policy = self.work / "audit-policy.yaml"
        policy.write_text(json.dumps({
            "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "users": list(USERS[1:]),
                       "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
                      {"level": "None"}]}))
        certificates = self.work / "certificates"
        self.processes.append(Process("kube-apiserver", [
            str(self.assets / "kube-apiserver"), "--etcd-servers", f"http://127.0.0.1:{etcd}",
            "--bind-address", "127.0.0.1", "--secure-port", str(self.port), "--cert-dir", str(certificates),
            "--service-cluster-ip-range", "10.0.0.0/24", "--service-account-issuer", "https://bench.local",
            "--service-account-key-file", str(key), "--service-account-signing-key-file", str(key),
            "--token-auth-file", str(tokens), "--authorization-mode", "RBAC",
            "--audit-log-path", str(self.audit_log), "--audit-policy-file", str(policy),
            # Pods need no token here, and no limits but the machine's are to be measured.
            "--disable-admission-plugins", "ServiceAccount", "--enable-priority-and-fairness=false",
            "--max-requests-inflight", "4000", "--max-mutating-requests-inflight", "4000"], self.work))
        authority = certificates / "apiserver.crt"
        wait_until(authority.exists, "the API server's certificate", 60, tuple(self.processes))
        self.access = Access("127.0.0.1", self.port, ssl.create_default_context(cafile=authority),
                             self.tokens["bench"])
        self.client = Client(self.access)
        wait_until(self.client.is_ready, "the API server", 120, tuple(self.processes), 0.5)

    def kubeconfig(self, user: str) -> Path:
        path = self.work / f"{user}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority": str(self.work / "certificates" / "apiserver.crt")}}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": user}}]}))
        return path

    def is_of(self, record: dict, user: str) -> bool:
        return record.get("user", {}).get("username") == user

    def cpu_seconds(self) -> float:
        return sum(process.cpu_seconds() for process in self.processes)

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class EmbeddedCluster:
    """`anneal-local up`, for where there is no control plane: our side only."""

    def __init__(self, program: Path, work: Path):
        self.program, self.work = program, work
        self.audit_log = work / "audit.log"
        self.processes: list[Process] = []

    def start(self):
        path = self.work / "kubeconfig"
        self.processes.append(Process("anneal-local", [
            str(self.program), "up", "--state", str(self.work / "state"), "--gpu-nodes", "0",
            "--audit-log", str(self.audit_log), "--kubeconfig", str(path)], self.work))
        wait_until(path.exists, "the embedded cluster", 60, tuple(self.processes))
        kubectl = shutil.which("kubectl")
        if not kubectl:
            raise Failure("kubectl is missing: run hack/setup cluster, and put its folder on the PATH")
        view = subprocess.run([kubectl, "--kubeconfig", str(path), "config", "view", "--raw", "-o", "json"],
                              check=True, capture_output=True)
        config = json.loads(view.stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        host, port = cluster["server"].rpartition("/")[2].rsplit(":", 1)
        context = ssl.create_default_context()
        if data := cluster.get("certificate-authority-data"):
            context.load_verify_locations(cadata=ssl.base64.b64decode(data).decode())
        elif file := cluster.get("certificate-authority"):
            context.load_verify_locations(cafile=file)
        self.client = Client(Access(host, int(port), context, user["token"]))
        wait_until(self.client.is_ready, "the embedded cluster", 60, tuple(self.processes))

    def kubeconfig(self, user: str) -> Path:
        return self.work / "kubeconfig"

    def is_of(self, record: dict, user: str) -> bool:
        return record.get("userAgent", "").startswith(user)

    def cpu_seconds(self) -> float:
        return sum(process.cpu_seconds() for process in self.processes)

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class Audit:
    """The writes in an API server's audit log, from a point in time on."""

    VERBS = {"create", "update", "patch", "delete", "deletecollection"}

    def __init__(self, cluster):
        self.cluster = cluster
        self.offset = self.size()

    def size(self) -> int:
        return self.cluster.audit_log.stat().st_size if self.cluster.audit_log.exists() else 0

    def mark(self):
        """Counts from here on."""
        self.offset = self.size()

    def writes(self, user: str) -> Counter:
        """Writes of a user by verb and resource; those to leases are not counted."""
        counts: Counter = Counter()
        if not self.cluster.audit_log.exists():
            return counts
        with open(self.cluster.audit_log, "rb") as log:
            log.seek(self.offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                record = json.loads(line)
                verb = record.get("verb")
                target = record.get("objectRef") or record
                if verb not in self.VERBS or not self.cluster.is_of(record, user):
                    continue
                if target.get("resource") == "leases":
                    continue
                name = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
                code = (record.get("responseStatus") or {}).get("code") or record.get("code") or 0
                counts[f"{verb} {name}" + (f" → {code}" if code >= 300 else "")] += 1
        return counts
