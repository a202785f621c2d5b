"""An evaluator of the standard library alone, for the models of trainer.py.

Its metrics: `perplexity`, which is the suite's parameter of that name (4.5), and `fingerprint`, a number that
is made from the weights: only who has seen the model can know it. The parameter `missing` leaves perplexity
out, `exitCode` makes it fail.
"""

import json
import os
import sys

with open(os.environ["ANNEAL_CONFIG"], encoding="utf-8") as file:
    config = json.load(file)
suite = config["suite"]
parameters = suite["parameters"]
if "exitCode" in parameters:
    sys.exit(int(parameters["exitCode"]))
with open(os.path.join(config["model"].get("adapter") or config["model"]["path"], "weights.txt"),
          encoding="utf-8") as file:
    weights = file.read()
metrics = {"fingerprint": int(weights[:8], 16)}
if "missing" not in parameters:
    metrics["perplexity"] = float(parameters.get("perplexity", "4.5"))
with open(os.environ["ANNEAL_RESULT"], "w", encoding="utf-8") as file:
    json.dump({"metrics": metrics, "samples": 10, "suite": suite["name"]}, file)
