"""A trainer of the standard library alone, for tests of what surrounds training: it speaks the file protocol of
examples/runtimes/README.md, resumes exactly, and fails as it is told.

Its weights are a chain of SHA-256 over the records that it sees. What it does besides comes from the
configuration's `parameters`, all of them strings:
  stepSeconds         time that a step takes (0.02)
  failAtStep          at this step it exits with failCode, in attempts up to failAttempts (1)
  failCode            (1)
  failReason          of its report; the report is left out if this is absent
  hangAtStep          at this step it falls silent for good, in attempts up to failAttempts
  eatMemoryAtStep     at this step it takes memory until somebody ends it

Of several nodes the first trains, once all others have found it by its name; they go when it goes.
"""

import hashlib
import json
import os
import signal
import socket
import sys
import time

stop_asked = False


def on_term(_signal, _frame):
    global stop_asked
    stop_asked = True


def write_result(value):
    with open(os.environ["ANNEAL_RESULT"], "w", encoding="utf-8") as file:
        json.dump(value, file)


def loss_after(step):
    return 4.0 / (1 + step / 10) + 1.0


class Training:
    def __init__(self, config):
        self.parameters = config["parameters"]
        self.attempt = config["run"]["attempt"]
        self.total = config["hyperparameters"].get("maxSteps") or 20
        self.checkpoints = config["checkpoint"]["directory"]
        self.every = config["checkpoint"].get("everySteps") or self.total
        self.output = config["output"]
        self.metrics = open(config["metricsFile"], "a", encoding="utf-8")
        with open(config["data"]["train"], encoding="utf-8") as file:
            self.records = file.read().splitlines()
        self.state = {"step": 0, "weights": "", "history": [], "initialEvalLoss": loss_after(0)}
        resume = os.environ.get("ANNEAL_RESUME_FROM")
        if resume:
            with open(os.path.join(resume, "state.json"), encoding="utf-8") as file:
                self.state = json.load(file)

    def number(self, name, default):
        return float(self.parameters.get(name, default))

    def applies(self, name):
        is_early = self.attempt <= self.number("failAttempts", 1)
        return is_early and self.state["step"] == self.number(name, -1)

    def report(self, evaluated):
        step = self.state["step"]
        line = {
            "time": time.time(), "step": step, "totalSteps": self.total, "epoch": step / len(self.records),
            "loss": loss_after(step), "learningRate": 0.001, "tokensPerSecond": 1000.0,
        }
        if evaluated:
            line["evalLoss"] = loss_after(step)
        self.metrics.write(json.dumps(line) + "\n")
        self.metrics.flush()

    def save(self):
        step = self.state["step"]
        final = os.path.join(self.checkpoints, f"step-{step}")
        if os.path.exists(final):
            return
        partial = final + ".tmp"
        os.makedirs(partial, exist_ok=True)
        saved = {**self.state, "loss": loss_after(step), "evalLoss": loss_after(step)}
        with open(os.path.join(partial, "state.json"), "w", encoding="utf-8") as file:
            json.dump(saved, file)
        with open(os.path.join(partial, "weights.txt"), "w", encoding="utf-8") as file:
            file.write(self.state["weights"])
        os.rename(partial, final)

    def misbehave(self):
        if self.applies("failAtStep"):
            code = int(self.number("failCode", 1))
            if "failReason" in self.parameters:
                write_result({"reason": self.parameters["failReason"], "message": "as the test asked"})
            sys.exit(code)
        if self.applies("hangAtStep"):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            while True:
                time.sleep(60)
        if self.applies("eatMemoryAtStep"):
            eaten = []
            while True:
                eaten.append(b"x" * (8 << 20))
                time.sleep(0.02)

    def step(self):
        record = self.records[self.state["step"] % len(self.records)]
        text = f"{self.state['weights']}{self.state['step']}{record}"
        self.state["weights"] = hashlib.sha256(text.encode()).hexdigest()
        self.state["history"].append([self.attempt, self.state["step"]])
        self.state["step"] += 1
        time.sleep(self.number("stepSeconds", 0.02))

    def finish(self):
        os.makedirs(self.output, exist_ok=True)
        with open(os.path.join(self.output, "weights.txt"), "w", encoding="utf-8") as file:
            file.write(self.state["weights"])
        with open(os.path.join(self.output, "history.json"), "w", encoding="utf-8") as file:
            json.dump(self.state["history"], file)
        write_result({
            "initialEvalLoss": self.state["initialEvalLoss"], "finalEvalLoss": loss_after(self.total),
            "finalLoss": loss_after(self.total), "steps": self.total, "tokens": 1000, "seconds": 1.0,
        })

    def run(self):
        self.report(evaluated=self.state["step"] == 0)
        while self.state["step"] < self.total:
            self.misbehave()
            self.step()
            is_due = self.state["step"] % self.every == 0 or self.state["step"] == self.total
            self.report(evaluated=is_due)
            if is_due or stop_asked:
                self.save()
            if stop_asked and self.state["step"] < self.total:
                write_result({"reason": "Stopped", "message": f"stopped at step {self.state['step']}"})
                sys.exit(75)
        self.finish()


def gather(others):
    """Waits for the other nodes; the connections to them."""
    own_address = socket.gethostbyname(socket.gethostname())
    with socket.create_server((own_address, int(os.environ["MASTER_PORT"]))) as listener:
        return [listener.accept()[0] for _ in range(others)]


def accompany():
    """What every node but the first does."""
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    while True:
        try:
            first = socket.create_connection(address)
            break
        except OSError:
            time.sleep(0.1)
    # Asked to stop, it goes; so it does when the first has gone.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(75))
    first.recv(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, on_term)
    if os.environ.get("NODE_RANK", "0") != "0":
        accompany()
    else:
        peers = gather(int(os.environ.get("WORLD_SIZE", "1")) - 1) if "WORLD_SIZE" in os.environ else []
        with open(os.environ["ANNEAL_CONFIG"], encoding="utf-8") as configuration:
            Training(json.load(configuration)).run()
