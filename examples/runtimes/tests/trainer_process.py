"""Programs as processes. Most are forked from the test's own, where the libraries are loaded already: that
saves four seconds each, and from there on they are processes like others, with signals and exit codes."""

import os
import runpy
import signal
import subprocess
import sys
import time


def preload():
    """Loads what the programs load, before the first fork."""
    import peft  # noqa: F401
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401

    torch.set_num_threads(1)


class ForkedProgram:
    """A Python program in a child process; the same methods as subprocess.Popen."""

    def __init__(self, program, environment, log):
        preload()
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(program, environment, log)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout):
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def _become(program, environment, log):
    """Runs the program in this process, which never returns to the test."""
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [str(program)]
        sys.path.insert(0, str(program.parent))
        runpy.run_path(str(program), run_name="__main__")
    finally:
        os._exit(111)
