"""Which records an optimiser step sees: a pure function of seed, epoch and position."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """The place in the data: the epoch, and how many of its records all processes have consumed."""

    epoch: int = 0
    index: int = 0


class DataOrder:
    """Deals the records of each epoch, shuffled by seed and epoch, to optimiser steps and processes.

    The last step of an epoch gets what is left; nothing is dropped and nothing repeated.
    """

    def __init__(self, records, seed, step_size):
        self._records = records
        self._seed = seed
        self._step_size = step_size
        self._shuffled = (None, [])

    @property
    def steps_per_epoch(self):
        return -(-self._records // self._step_size)

    def total_steps(self, epochs, max_steps):
        """The steps of `epochs` (which may be a fraction), at most `max_steps`."""
        steps = max(1, round(epochs * self.steps_per_epoch))
        return steps if max_steps is None else min(steps, max_steps)

    def step(self, position):
        """The record indices of the step at `position`, and the position after it."""
        order = self._order(position.epoch)
        chosen = order[position.index : position.index + self._step_size]
        end = position.index + len(chosen)
        done = end >= self._records
        return chosen, Position(position.epoch + 1, 0) if done else Position(position.epoch, end)

    def fraction(self, position):
        """The position in epochs, for people."""
        return position.epoch + position.index / self._records

    def _order(self, epoch):
        if self._shuffled[0] != epoch:
            order = list(range(self._records))
            random.Random(f"{self._seed}/{epoch}").shuffle(order)
            self._shuffled = (epoch, order)
        return self._shuffled[1]


def share(indices, rank, processes, batch_size):
    """The micro-batches that one process takes of a step's records."""
    own = indices[rank::processes]
    return [own[start : start + batch_size] for start in range(0, len(own), batch_size)]
