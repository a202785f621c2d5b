"""What the training records teach, found out on the CPU before the model takes a GPU."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anneal_runtime.outcome import ConfigurationError, Stopped

TOLD_SHARE = 0.1
"""From more records than this share that teach nothing, the run tells of them."""

SIGN_OF_LIFE_SECONDS = 30


@dataclass(frozen=True)
class DataCheck:
    """How many records there are, and how many teach nothing: those that are cut off before their answer
    begins, and those in which no token counts. `enough_length` is the maxSequenceLength from which one of the
    former teaches something."""

    records: int
    cut: int
    unanswered: int
    enough_length: int | None

    @property
    def state(self) -> dict[str, int | None]:
        """As it is kept in a checkpoint."""
        return vars(self)

    def refuse_if_nothing_is_taught(self, path: str, max_length: int) -> None:
        """Raises a ConfigurationError where no record teaches anything: training would change nothing."""
        if self.cut + self.unanswered < self.records:
            return
        remedy = "add records with answers that count"
        if self.enough_length is not None:
            remedy = (f"raise hyperparameters.maxSequenceLength to at least {self.enough_length}, from where "
                      "the first answer counts, or shorten what comes before the answers")
        raise ConfigurationError(
            f"data.train is {path}: none of its {self.records:,} records teaches anything: "
            f"{self._causes(max_length)}; {remedy}",
            reason="NothingToLearn",
        )

    def warnings(self, what: str, max_length: int) -> list[str]:
        """What people should know, in words; empty where the share is small."""
        nothing = self.cut + self.unanswered
        if nothing <= TOLD_SHARE * self.records:
            return []
        share = 100 * nothing / self.records
        return [f"{nothing:,} of {self.records:,} {what} records ({share:.0f} %) teach nothing: "
                f"{self._causes(max_length)}; raise hyperparameters.maxSequenceLength, shorten what comes "
                "before the answers, or remove these records"]

    def _causes(self, max_length: int) -> str:
        causes = []
        if self.cut:
            causes.append(f"{self.cut:,} are longer than hyperparameters.maxSequenceLength ({max_length}) "
                          "before their answer begins")
        if self.unanswered:
            causes.append(f"{self.unanswered:,} have nothing that counts (weight 0, or no text)")
        return ", ".join(causes)


def check_data(
    records: Any, count: int, examples: Callable[[Any], Any], processes: Any,
    stop_requested: Callable[[], bool], sign_of_life: Callable[[], None],
) -> DataCheck:
    """Makes tokens of the first `count` records once, divided among the processes; the first record that
    cannot be used ends the run. Raises Stopped if the run was asked to stop meanwhile."""
    cut = unanswered = 0
    enough_length = None
    last_sign = time.monotonic()
    stop = False
    for index in range(processes.rank, count, processes.count):
        if stop := stop_requested():
            break
        if time.monotonic() - last_sign >= SIGN_OF_LIFE_SECONDS:
            sign_of_life()
            last_sign = time.monotonic()
        example = examples(records[index])
        if example.teaches:
            continue
        if example.answer_start is None:
            unanswered += 1
        else:
            cut += 1
            enough_length = min(enough_length or example.answer_start + 1, example.answer_start + 1)
    cut, unanswered, stops = processes.sums([cut, unanswered, float(stop)])
    if stops:
        raise Stopped("asked to stop before the first step; there was nothing to save")
    return DataCheck(count, int(cut), int(unanswered), enough_length)
