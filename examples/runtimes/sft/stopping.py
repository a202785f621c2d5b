"""Stopping when asked: SIGTERM, and the time that the trainer has from it.

A pod's grace period is divided: the trainer saves a checkpoint in the first part, and the sidecar uploads it in
the rest, which begins when the trainer has ended. A trainer that hangs, in a collective whose peers are gone for
example, would use up both.
"""

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager

VARIABLE = "ANNEAL_STOP_WITHIN_SECONDS"

_state = {"requested": False, "saving": 0, "armed": True}


def listen():
    """Takes note of SIGTERM from now on, also while a computation keeps the interpreter from its handlers."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    signal.signal(signal.SIGTERM, _request)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(receiver,), daemon=True).start()


def stop_requested():
    return _state["requested"]


def disarm():
    """Leaves the limit to others: a launcher ends when the processes that it has started have ended."""
    _state["armed"] = False


@contextmanager
def saving():
    """What is written meanwhile is finished, also beyond the limit: it stays on the volume."""
    _state["saving"] += 1
    try:
        yield
    finally:
        _state["saving"] -= 1


def limit():
    """Seconds from SIGTERM until this process should have ended; None where nobody set a limit.

    Raises ValueError, with the remedy, for a value that is no number of seconds.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise ValueError(f"{VARIABLE} is {text!r}: it must be a number of seconds, or not be set")
    return seconds


def _request(*_):
    _state["requested"] = True


def _watch(receiver):
    """Waits for SIGTERM, and then for the end of the time that is left."""
    while signal.SIGTERM not in os.read(receiver, 64):
        pass
    asked = time.monotonic()
    _state["requested"] = True
    try:
        seconds = limit()
    except ValueError:
        return
    if seconds is None:
        return
    while time.monotonic() - asked < seconds or _state["saving"]:
        time.sleep(0.05)
    if _state["armed"]:
        _give_up(seconds)


def _give_up(seconds):
    from anneal_runtime.outcome import EXIT_STOPPED, leave, write_result

    message = (f"asked to stop, and not done after {seconds:g} s ({VARIABLE}): the rest of the grace period is for "
               "the upload of the newest checkpoint")
    print(message, file=sys.stderr, flush=True)
    write_result({"reason": "Stopped", "message": message}, only_if_empty=True)
    leave(EXIT_STOPPED)
