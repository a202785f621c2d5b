"""A cluster that is full: nodes with GPUs, pods of others on all of them, and runs that wait for room."""

import json
import threading
import time

from .cluster import Client
from .processes import Failure
from .workload import PODS, RUNS, in_parallel, training_job

EVALUATIONS = "/apis/anneal.dev/v1alpha1/namespaces/{}/evalruns"
NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
GPUS_PER_NODE = 8


def node(index: int) -> dict:
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": f"gpu-{index:05}", "labels": {
            "kubernetes.io/hostname": f"gpu-{index:05}", "node.kubernetes.io/instance-type": "p5.48xlarge",
            "topology.kubernetes.io/zone": f"zone-{index % 3}", "nvidia.com/gpu.present": "true",
            "anneal.dev/gpu-type": "h100", "anneal.dev/capacity-type": "on-demand"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
    }


def node_status() -> dict:
    amounts = {"cpu": "192", "memory": "2048Gi", "pods": "110", "nvidia.com/gpu": str(GPUS_PER_NODE)}
    # No kubelet renews anything: who judges nodes by their heartbeats finds one of the far future.
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "2099-01-01T00:00:00Z",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}}


def heartbeat(index: int) -> dict:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": f"gpu-{index:05}", "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": f"gpu-{index:05}", "leaseDurationSeconds": 40,
                     "renewTime": "2099-01-01T00:00:00.000000Z"}}


def pod(name: str, node_name: str, has_gpu: bool) -> dict:
    """A pod as large as those of real clusters are, with or without a GPU."""
    resources = {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}
    if has_gpu:
        resources["requests"]["nvidia.com/gpu"] = resources["limits"]["nvidia.com/gpu"] = "1"
    container = {
        "name": "main", "image": "registry.example/team/service:1.2.3", "command": ["/bin/serve"],
        "args": ["--listen=:8080", "--log=json"], "resources": resources,
        "env": [{"name": f"OPTION_{index}", "value": "some value of usual length"} for index in range(20)],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10},
        "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}, "periodSeconds": 10},
        "ports": [{"containerPort": 8080, "name": "http"}],
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/service"}],
    }
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "service", "team": "others", "pod-template-hash": "7d4b9c6f5"},
                     "annotations": {"example.com/configuration": "0123456789abcdef" * 16}},
        "spec": {
            "nodeName": node_name, "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False,
            "containers": [container], "volumes": [{"name": "configuration", "emptyDir": {}}],
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        },
    }


def evaluation(name: str) -> dict:
    """An evaluation on one GPU."""
    return {
        "apiVersion": "anneal.dev/v1alpha1", "kind": "EvalRun",
        "metadata": {"name": name, "labels": {"team": "bench"}},
        "spec": {
            "model": {"storageUri": "s3://models/tiny-llama/", "version": "1"},
            "evaluator": {"image": "anneal/evaluate:0.1.0",
                          "resources": {"gpus": 1, "cpu": "1", "memory": "2Gi"}},
            "suites": [{"name": "quality", "type": "perplexity", "format": "promptCompletion",
                        "data": {"storageUri": "s3://datasets/manual-pages/validation.jsonl"}}],
            "thresholds": [{"metric": "quality/perplexity", "max": 9}],
        },
    }


def queued_status() -> dict:
    """The status of a TrainingJob that has come as far as the queue."""
    # Now: one that had waited for long would be at the end of its time.
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stages = [{"name": name, "startedAt": start, "finishedAt": start, "attempts": 1}
              for name in ("Validating", "Preprocessing", "Preparing")]
    return {"status": {
        "observedGeneration": 1, "phase": "Queued", "startTime": start,
        "current": {"stage": "Queued", "attempt": 1, "startedAt": start},
        "stages": [*stages, {"name": "Queued", "startedAt": start, "attempts": 1}]}}


class Crowd:
    """Nodes that are full, so many pods on each, the first of them with a GPU each."""

    def __init__(self, client: Client, nodes: int, pods: int, namespace: str):
        if pods < nodes * GPUS_PER_NODE:
            raise Failure(f"{nodes} nodes have {nodes * GPUS_PER_NODE} GPUs: {pods} pods do not fill them")
        self.client, self.nodes, self.pods = client, nodes, pods
        self.collection = PODS.format(namespace)
        gpus = nodes * GPUS_PER_NODE
        self.with_gpu = [f"service-{index:05}" for index in range(gpus)]
        self.without_gpu = [f"service-{index:05}" for index in range(gpus, pods)]

    def create(self):
        self.ensure("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-node-lease"}})
        in_parallel(self.nodes, 8, self.create_node)
        in_parallel(self.pods, 8, lambda index: self.client.request("POST", self.collection, pod(
            f"service-{index:05}", f"gpu-{index % self.nodes:05}", index < len(self.with_gpu))))

    def ensure(self, collection: str, item: dict):
        try:
            self.client.request("POST", collection, item)
        except Failure as error:
            if " 409 " not in str(error):
                raise

    def create_node(self, index: int):
        self.client.request("POST", LEASES.format("kube-node-lease"), heartbeat(index))
        self.client.request("POST", NODES, node(index))
        self.client.request("PATCH", f"{NODES}/gpu-{index:05}/status", node_status(), "application/merge-patch+json")

    def free_gpu(self) -> float:
        """Ends one pod that has a GPU; the moment at which that was asked for."""
        return self.end(self.with_gpu)

    def end(self, names: list[str]) -> float:
        moment = time.monotonic()
        self.client.request("DELETE", f"{self.collection}/{names.pop()}", {"gracePeriodSeconds": 0})
        return moment

    def end_many(self, count: int, a_second: float):
        """Ends pods without GPUs, one after the other: nobody gets any room by that."""
        start = time.monotonic()
        for index in range(count):
            time.sleep(max(0.0, start + index / a_second - time.monotonic()))
            self.end(self.without_gpu)


def create_queued_jobs(client: Client, namespace: str, count: int):
    """TrainingJobs in the queue, as their operator left them. None may run meanwhile."""
    collection = RUNS.format(namespace)

    def create(index: int):
        name = f"training-{index:05}"
        client.request("POST", collection, training_job(name))
        client.request("PATCH", f"{collection}/{name}/status", queued_status(), "application/merge-patch+json")

    in_parallel(count, 8, create)


class Follower:
    """What a watch tells of the runs of a namespace, and when."""

    def __init__(self, client: Client, collection: str):
        self.client, self.collection = Client(client.access), collection
        # By name: the last status; the moment of the first admission, and what it said.
        self.statuses: dict[str, dict] = {}
        self.admitted: dict[str, tuple[float, dict]] = {}
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        try:
            version = self.client.request("GET", f"{self.collection}?limit=1")["metadata"]["resourceVersion"]
            while True:
                connection = self.client.connect()
                connection.sock.settimeout(3700)
                connection.request("GET", f"{self.collection}?watch=1&timeoutSeconds=3600&resourceVersion={version}",
                                   headers={"Authorization": f"Bearer {self.client.access.token}"})
                for line in connection.getresponse():
                    self.take(json.loads(line))
        except Exception as error:  # Looked at by `check`.
            self.failure = error

    def take(self, event: dict):
        if event["type"] not in ("ADDED", "MODIFIED"):
            return
        name, status = event["object"]["metadata"]["name"], event["object"].get("status") or {}
        self.statuses[name] = status
        admission = status.get("admission")
        if admission and name not in self.admitted:
            self.admitted[name] = (time.monotonic(), admission)

    def check(self):
        if self.failure:
            raise Failure(f"the watch of {self.collection} broke off: {self.failure}")

    def with_status(self) -> int:
        self.check()
        return sum(bool(status) for status in list(self.statuses.values()))

    def waiting(self) -> int:
        """Runs whose status says that they wait for room."""
        self.check()
        return sum(status.get("reason") == "WaitingForCapacity" for status in list(self.statuses.values()))
