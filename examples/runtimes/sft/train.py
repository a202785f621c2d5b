"""Supervised fine-tuning under Anneal's file protocol: see ../README.md."""

import sys
from pathlib import Path

import stopping

# Before torch is imported, which takes seconds: a SIGTERM in that time must be remembered too.
stopping.listen()
sys.path.append(str(Path(__file__).resolve().parent.parent / "lib"))

from anneal_runtime.outcome import ConfigurationError, run_and_exit  # noqa: E402
from anneal_runtime.settings import load_configuration  # noqa: E402


def main():
    """Trains, and returns the summary that is the run's result."""
    from launcher import check_environment, launch, must_launch
    from training_configuration import parse

    configuration = parse(load_configuration())
    check_environment()
    try:
        stopping.limit()
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if must_launch():
        stopping.disarm()
        launch(stopping.stop_requested)
    from training_session import train

    return train(configuration, stopping.stop_requested)


if __name__ == "__main__":
    run_and_exit(main)
