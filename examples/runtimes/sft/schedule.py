"""The learning rate as a function of the step: its whole state is the step's number."""

import math


def learning_rate(step, peak, schedule, warmup_steps, total_steps):
    """The rate of step `step`, counted from 0: linear warm-up, then cosine or linear decay, or constant.

    Cosine: peak · ½ · (1 + cos(π · progress)), Loshchilov and Hutter, "SGDR" (2017), without restarts.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    if schedule == "cosine":
        return peak * 0.5 * (1.0 + math.cos(math.pi * progress))
    if schedule == "linear":
        return peak * (1.0 - progress)
    return peak
