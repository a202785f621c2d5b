"""Starting one process for each GPU of this node, when the operator started only one for the node."""

import os
import signal
import socket
import subprocess
import sys

from anneal_runtime.outcome import EXIT_STOPPED, ConfigurationError, leave

_VARIABLES = ("WORLD_SIZE", "RANK", "NODE_RANK", "NPROC_PER_NODE", "LOCAL_RANK", "MASTER_PORT")


def check_environment():
    """Refuses a process group that cannot form; waiting for it would only end in a time-out."""
    for name in _VARIABLES:
        value = os.environ.get(name)
        if value and not value.isdigit():
            raise ConfigurationError(f"{name} is {value!r}: it must be a whole number")
    count, rank = _number("WORLD_SIZE", 1), _number("RANK", 0)
    if must_launch() and count <= _number("NPROC_PER_NODE", 1):
        return
    if count < 1 or rank >= count:
        raise ConfigurationError(f"RANK is {rank} of WORLD_SIZE {count}: it must be below it")
    if count > 1 and not (os.environ.get("MASTER_ADDR") and os.environ.get("MASTER_PORT")):
        raise ConfigurationError(f"WORLD_SIZE is {count}: MASTER_ADDR and MASTER_PORT must be set with it")


def must_launch():
    """Whether this process stands for several. Under torchrun, LOCAL_RANK is set: then it is one of them."""
    return "LOCAL_RANK" not in os.environ and _number("NPROC_PER_NODE", 1) > 1


def launch(stop_requested):
    """Runs this program once for each local process, passes SIGTERM on, and exits as they do.

    The exit code is that of the first process that failed by itself: torchrun would turn 75 and 2 into 1.
    """
    per_node = _number("NPROC_PER_NODE", 1)
    count = _number("WORLD_SIZE", per_node)
    if count % per_node:
        raise ConfigurationError(
            f"WORLD_SIZE is {count} and NPROC_PER_NODE is {per_node}: WORLD_SIZE counts processes, so it "
            "must be a multiple of NPROC_PER_NODE"
        )
    first = _number("NODE_RANK", 0) * per_node
    address = os.environ | (_loopback() if count == per_node and not os.environ.get("MASTER_ADDR") else {})
    children = []
    signal.signal(signal.SIGTERM, lambda *_: _signal(children, signal.SIGTERM))
    for local_rank in range(per_node):
        variables = {"WORLD_SIZE": count, "RANK": first + local_rank, "LOCAL_RANK": local_rank}
        environment = address | {name: str(value) for name, value in variables.items()}
        children.append(subprocess.Popen([sys.executable, *sys.argv], env=environment))
    if stop_requested():
        _signal(children, signal.SIGTERM)
    leave(_wait(children))


def _loopback():
    """A meeting point for the processes of a single node that was given none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(listener.getsockname()[1])}


def _wait(children):
    """Waits for all; once one has failed, the others can only hang in a collective, so they are ended."""
    code = 0
    running = {child.pid: child for child in children}
    while running:
        pid, status = os.wait()
        child = running.pop(pid, None)
        if child is None:
            continue
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0 and code == 0:
            code = child.returncode if child.returncode > 0 else 128 - child.returncode
            if code != EXIT_STOPPED:
                _signal(running.values(), signal.SIGKILL)
    return code


def _signal(children, number):
    for child in children:
        if child.returncode is None:
            child.send_signal(number)


def _number(name, default):
    return int(os.environ.get(name) or default)
