"""The operator as a bench runs it: its program, its options, and how to tell that it is idle."""

import os
import time
import urllib.request
from pathlib import Path

from .cluster import free_port
from .processes import Failure, Process, wait_until

ROOT = Path(__file__).resolve().parents[3]


def default_program(name: str, configuration: str) -> Path:
    folder = os.environ.get("ANNEAL_BINARIES")
    path = Path(folder) / name if folder else ROOT / ".build" / configuration / name
    if not os.access(path, os.X_OK):
        option = " -c release" if configuration == "release" else ""
        raise Failure(f"{path} is missing: swift build{option} --product {name}")
    return path


def command(program: Path, kubeconfig: Path, port: int, extra: list[str]) -> list[str]:
    """With all that it has in a pod: election, webhook, and metrics and probes on one port."""
    return [str(program), "--kubeconfig", str(kubeconfig), "--leader-elect", "--lease-namespace", "default",
            "--bind-address", "127.0.0.1", "--metrics-port", str(port), "--health-port", str(port),
            "--webhook-port", str(free_port()), "--webhook-bind-address", "127.0.0.1", *extra]


def wait_until_idle(process: Process, seconds: float = 120):
    """Its caches are filled when it has nothing left to do."""
    time.sleep(2)
    last = [process.cpu_seconds(), 0]

    def is_idle() -> bool:
        now = process.cpu_seconds()
        last[1] = last[1] + 1 if now - last[0] <= 0.03 else 0
        last[0] = now
        return last[1] >= 3

    wait_until(is_idle, f"{process.name} to become idle", seconds, (process,), 1)


def is_ready(port: int) -> bool:
    """Whether its caches were filled once."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
            return True
    except OSError:
        return False


def metrics(port: int) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}
