"""A tiny model, a dataset, and trainers as real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from trainer_process import ForkedProgram

RUNTIMES = Path(__file__).resolve().parent.parent
TRAIN = RUNTIMES / "sft" / "train.py"
EVALUATE = RUNTIMES / "evaluate" / "evaluate.py"
for folder in ("lib", "demo", "sft"):
    sys.path.append(str(RUNTIMES / folder))

TIMEOUT = 180


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A random two-layer model with a byte-level tokenizer."""
    import argparse

    import make_base_model
    from anneal_runtime.language_model import make_deterministic

    folder = tmp_path_factory.mktemp("model")
    make_deterministic(1)
    tokenizer = make_base_model.make_tokenizer(str(folder), 256)
    sizes = argparse.Namespace(hidden=32, layers=2, heads=2, intermediate=0, context=256)
    make_base_model.make_model(sizes, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def broken_model(model, tmp_path_factory):
    """The same model with a NaN among its weights: its loss is never finite."""
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("broken") / "model"
    shutil.copytree(model, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@dataclass
class Run:
    """A folder as a pod sees it, and the trainer in it."""

    folder: Path

    @property
    def checkpoints(self):
        return self.folder / "checkpoints"

    def configure(self, **changes):
        (self.folder / "config.json").write_text(json.dumps(changes))

    def start(self, resume_from=None, command=None, program=TRAIN, **variables):
        """Starts an attempt, or another program or command; its output goes to log-N."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANNEAL_")}
        environment |= {"ANNEAL_CONFIG": str(self.folder / "config.json"),
                        "ANNEAL_RESULT": str(self.folder / "result"), "OMP_NUM_THREADS": "1"}
        environment |= {key: str(value) for key, value in variables.items()}
        if resume_from is not None:
            environment["ANNEAL_RESUME_FROM"] = str(resume_from)
        (self.folder / "result").write_text("")
        log = open(self.folder / f"log-{len(list(self.folder.glob('log-*')))}", "wb")
        with log:
            if command is None:
                return ForkedProgram(program, environment, log)
            return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def finish(self, process):
        """Waits for the exit code; shows the log if the process hangs."""
        try:
            return process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"the trainer hangs:\n{self.log()}") from None

    def log(self):
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("log-*")))

    def result(self):
        return json.loads((self.folder / "result").read_text())

    def metrics(self):
        """The metrics by step and whether evaluated; a later line replaces an earlier one of the same step.
        What depends on the clock is left out."""
        lines = {}
        path = self.folder / "metrics.jsonl"
        for text in path.read_text().splitlines() if path.exists() else []:
            line = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in {text}"))
            del line["time"], line["tokensPerSecond"]
            lines[line["step"], "evalLoss" in line] = line
        return lines

    def wait_for(self, process, condition):
        """Polls until the condition holds; fails if the process ends before."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert process.poll() is None, f"ended too early with {process.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"took too long:\n{self.log()}"
            time.sleep(0.001)

    def interrupt_at(self, process, step):
        """Sends SIGTERM once the metrics show the step; returns the exit code."""
        path = self.folder / "metrics.jsonl"
        self.wait_for(process, lambda: path.exists() and f'"step": {step},' in path.read_text())
        process.send_signal(signal.SIGTERM)
        return self.finish(process)

    def newest_checkpoint(self):
        steps = [int(path.name[5:]) for path in self.checkpoints.glob("step-*") if path.name[5:].isdigit()]
        return self.checkpoints / f"step-{max(steps)}"

    def weights(self):
        """The bytes of the trained model's weights."""
        return {path.name: path.read_bytes() for path in (self.folder / "output").glob("*.safetensors")}


@pytest.fixture
def new_run(tmp_path, model):
    """Makes a run: a dataset of 90 records, a configuration of 60 steps; keyword arguments change it."""

    def make(name="run", method="lora", hyperparameters=None, parameters=None, checkpoint=None, records=None):
        folder = tmp_path / name
        folder.mkdir()
        lines = records or [json.dumps({"prompt": f"What is {n}?", "completion": f"{n * n} less {n}"})
                            for n in range(90)]
        (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
        (folder / "validation.jsonl").write_text("\n".join(lines[:10]) + "\n")
        run = Run(folder)
        run.configure(
            run={"name": name, "namespace": "default", "uid": "u-1", "attempt": 1},
            method=method,
            model={"path": str(model)},
            data={"train": str(folder / "train.jsonl"), "validation": str(folder / "validation.jsonl"),
                  "format": "promptCompletion"},
            hyperparameters={"learningRate": 1e-2, "batchSize": 4, "gradientAccumulationSteps": 2,
                             "epochs": 5, "maxSequenceLength": 64, "warmupSteps": 5, "weightDecay": 0.01,
                             "loraRank": 4, "loraDropout": 0.1 if method == "lora" else 0.0}
            | (hyperparameters or {}),
            parameters=parameters or {},
            checkpoint={"everySteps": 20, "directory": str(folder / "checkpoints")} | (checkpoint or {}),
            metricsFile=str(folder / "metrics.jsonl"),
            output=str(folder / "output"),
        )
        return run

    return make
