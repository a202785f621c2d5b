"""Evaluating a model under Anneal's file protocol: see ../README.md."""

import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "lib"))

from anneal_runtime.outcome import EXIT_STOPPED, leave, run_and_exit  # noqa: E402
from anneal_runtime.settings import load_configuration  # noqa: E402


def main():
    """Evaluates, and returns the metrics that are the run's result."""
    # Nothing is worth saving: an evaluation that is stopped starts again.
    signal.signal(signal.SIGTERM, lambda *_: leave(EXIT_STOPPED))
    from evaluation_configuration import parse

    configuration = parse(load_configuration())
    from evaluation_session import evaluate

    return evaluate(configuration)


if __name__ == "__main__":
    run_and_exit(main)
