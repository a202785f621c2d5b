"""The time that a trainer has from SIGTERM to its end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RUNTIMES = Path(__file__).resolve().parent.parent

# Waits in C for ever, without a return to the interpreter, as a collective does whose peers are gone.
HUNG = """
import ctypes
library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
print("ready", flush=True)
library.pthread_mutex_lock(mutex)
library.pthread_mutex_lock(mutex)
"""
SAVING = """
print("ready", flush=True)
with stopping.saving():
    while not stopping.stop_requested():
        time.sleep(0.01)
    time.sleep(1.5)
    open(sys.argv[1], "w").write("whole")
time.sleep(60)
"""
OBEDIENT = """
print("ready", flush=True)
while not stopping.stop_requested():
    time.sleep(0.01)
time.sleep(1)
sys.exit(9)
"""


def stop(program, tmp_path, limit):
    """Runs a program, sends it SIGTERM, and returns its exit code and its answer."""
    environment = {**os.environ, "ANNEAL_RESULT": str(tmp_path / "result")}
    environment.pop("ANNEAL_STOP_WITHIN_SECONDS", None)
    if limit is not None:
        environment["ANNEAL_STOP_WITHIN_SECONDS"] = limit
    start = (f"import sys, time\nsys.path += [{str(RUNTIMES / 'sft')!r}, {str(RUNTIMES / 'lib')!r}]\n"
             "import stopping\nstopping.listen()\n")
    process = subprocess.Popen([sys.executable, "-c", start + program, str(tmp_path / "saved")],
                               env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    finally:
        process.kill()
        process.stdout.close()
    result = tmp_path / "result"
    return code, json.loads(result.read_text()) if result.exists() else None


def test_a_trainer_that_hangs_leaves_in_time_for_the_upload(tmp_path):
    code, result = stop(HUNG, tmp_path, "0.5")
    assert code == 75
    assert result["reason"] == "Stopped"
    assert "ANNEAL_STOP_WITHIN_SECONDS" in result["message"]


def test_a_checkpoint_that_is_being_written_is_finished(tmp_path):
    code, _ = stop(SAVING, tmp_path, "0.2")
    assert code == 75
    assert (tmp_path / "saved").read_text() == "whole"


@pytest.mark.parametrize("limit", [None, "", "60"])
def test_a_trainer_that_ends_in_time_ends_as_it_likes(tmp_path, limit):
    assert stop(OBEDIENT, tmp_path, limit)[0] == 9


@pytest.mark.parametrize("limit", ["soon", "-1", "0", "nan", "inf", "1e9"])
def test_a_limit_that_is_none_is_refused(new_run, limit):
    run = new_run()
    assert run.finish(run.start(ANNEAL_STOP_WITHIN_SECONDS=limit)) == 2
    assert "ANNEAL_STOP_WITHIN_SECONDS is " in run.result()["message"]
