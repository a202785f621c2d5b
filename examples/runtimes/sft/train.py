"""Supervised fine-tuning under Anneal's file protocol: see ../README.md."""

import signal
import sys
from pathlib import Path

_stop = {"requested": False}


def _request_stop(*_):
    _stop["requested"] = True


# Before torch is imported, which takes seconds: a SIGTERM in that time must be remembered too.
signal.signal(signal.SIGTERM, _request_stop)
sys.path.append(str(Path(__file__).resolve().parent.parent / "lib"))

from anneal_runtime.outcome import run_and_exit  # noqa: E402
from anneal_runtime.settings import load_configuration  # noqa: E402


def stop_requested():
    return _stop["requested"]


def main():
    """Trains, and returns the summary that is the run's result."""
    from launcher import check_environment, launch, must_launch
    from training_configuration import parse

    configuration = parse(load_configuration())
    check_environment()
    if must_launch():
        launch(stop_requested)
    from training_session import train

    return train(configuration, stop_requested)


if __name__ == "__main__":
    run_and_exit(main)
