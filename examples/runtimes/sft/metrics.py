"""Progress as JSON lines, one a step, for the operator; and now and then a line for people."""

import json
import math
import os
import time


class MetricsLog:
    """Appends to the metrics file. A resumed run repeats the steps since its checkpoint: a later line of a
    step replaces an earlier one."""

    def __init__(self, path, total_steps, every_steps):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self._file = open(path, "a", encoding="utf-8")
        self._total_steps = total_steps
        self._every_steps = every_steps

    def write(self, step, epoch, loss=None, learning_rate=None, tokens_per_second=None, **more):
        """One line. `evalLoss` and `warnings` are given only where there are any; what is not finite becomes
        null."""
        values = {"time": round(time.time(), 3), "step": step, "totalSteps": self._total_steps,
                  "epoch": round(epoch, 6), "loss": loss, **more,
                  "learningRate": learning_rate, "tokensPerSecond": tokens_per_second}
        line = {key: finite(value) for key, value in values.items()}
        if any(line[key] is None and value is not None for key, value in values.items()):
            line["nonFinite"] = True
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        if "evalLoss" in more or step % self._every_steps == 0 or step == self._total_steps:
            _print(line)


def finite(value):
    """The value, or None for a number that JSON cannot express."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(line):
    shown = [f"step {line['step']}/{line['totalSteps']}", f"epoch {line['epoch']:.2f}"]
    if line["loss"] is not None:
        shown.append(f"loss {line['loss']:.4f}")
    if line.get("evalLoss") is not None:
        shown.append(f"validation loss {line['evalLoss']:.4f}")
    if line["tokensPerSecond"] is not None:
        shown.append(f"{line['tokensPerSecond']:.0f} tokens/s")
    if line.get("nonFinite"):
        shown.append("NOT FINITE")
    print("  ".join(shown), flush=True)
