"""The training loop: steps, evaluations, checkpoints, and stopping in good order."""

import math
import time
from dataclasses import asdict, dataclass, field

import torch

import checkpoint
from anneal_runtime.language_model import collate, scored_tokens, summed_loss
from anneal_runtime.outcome import EXIT_DIVERGED, RunError, Stopped
from batches import Position, share
from metrics import finite
from schedule import learning_rate
from stopping import saving

NON_FINITE_LIMIT = 3
"""So many steps in a row without a finite loss end the run."""


@dataclass
class Progress:
    """How far the run is: all that a checkpoint holds beside tensors. Token counts are of all processes."""

    step: int = 0
    position: Position = field(default_factory=Position)
    loss: float | None = None
    evaluation_loss: float | None = None
    initial_evaluation_loss: float | None = None
    evaluated: bool = False
    non_finite_steps: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def state(self, recipe, data, attempt):
        """As the content of state.json."""
        return {
            "step": self.step, "loss": finite(self.loss), "evalLoss": finite(self.evaluation_loss),
            "initialEvalLoss": finite(self.initial_evaluation_loss), "evaluated": self.evaluated,
            "position": asdict(self.position), "nonFiniteSteps": self.non_finite_steps,
            "tokens": self.tokens, "seconds": round(self.seconds, 3), "attempt": attempt, "recipe": recipe,
            "data": data.state,
        }

    @staticmethod
    def of_state(state):
        return Progress(
            step=state["step"], position=Position(**state["position"]), loss=state["loss"],
            evaluation_loss=state["evalLoss"], initial_evaluation_loss=state["initialEvalLoss"],
            evaluated=state["evaluated"], non_finite_steps=state["nonFiniteSteps"],
            tokens=state["tokens"], seconds=state["seconds"],
        )


class Trainer:
    """One attempt at a run. `examples` makes tokens of a record; `stop_requested` says if SIGTERM came."""

    def __init__(self, configuration, recipe, data, processes, model, weights, records, order, examples,
                 padding, validation, autocast, metrics, stop_requested):
        parameters = configuration.hyperparameters
        self._configuration = configuration
        self._recipe = recipe
        self._data = data
        self._processes = processes
        self._model = model
        self._weights = weights
        self._records = records
        self._order = order
        self._examples = examples
        self._padding = padding
        self._validation = validation
        self._autocast = autocast
        self._metrics = metrics
        self._stop_requested = stop_requested
        self._total_steps = order.total_steps(parameters.epochs, parameters.max_steps)
        self._optimiser = _optimiser(weights, parameters)
        self._scaler = torch.amp.GradScaler(processes.device.type, enabled=parameters.precision == "fp16")
        self.progress = Progress()
        self._saved_step = 0
        self._last_save = self._started = time.monotonic()

    def resume(self, folder, state):
        """Goes on from a checkpoint, whose state.json is `state`."""
        checkpoint.load_tensors(folder, self._weights, self._optimiser, self._scaler,
                                self._processes.rank, self._processes.device)
        self.progress = Progress.of_state(state)
        self._saved_step = self.progress.step

    def run(self):
        """Trains to the end; raises Stopped after a checkpoint if asked to stop."""
        self._model.train()
        earlier_seconds = self.progress.seconds
        self._started = time.monotonic() - earlier_seconds
        if self._is_evaluation_step() and not self.progress.evaluated:
            self._evaluate()
        while self.progress.step < self._total_steps:
            self._stop_or_save_if_due()
            self._step()
            if self._is_evaluation_step():
                self._evaluate()
                self._save()
        if self._saved_step != self.progress.step:
            self._save()
        self.progress.seconds = time.monotonic() - self._started

    def _is_evaluation_step(self):
        step, every = self.progress.step, self._configuration.checkpoint_every_steps
        return step in (0, self._total_steps) or (every > 0 and step % every == 0)

    def _stop_or_save_if_due(self):
        """Asks all processes at once, so that all of them stop, or save, at the same step."""
        period = self._configuration.checkpoint_every_seconds
        due = self._processes.is_first and period and time.monotonic() - self._last_save >= period
        stop, save = self._processes.sums([float(self._stop_requested()), float(bool(due))])
        step = self.progress.step
        if (stop or save) and step != self._saved_step:
            if save and not stop:
                self._evaluate()
            self._save()
        if stop:
            saved = f"checkpoint step-{step} holds all of it" if step else "there was nothing to save"
            raise Stopped(f"asked to stop at step {step} of {self._total_steps}; {saved}")

    def _step(self):
        """One optimiser step over the records at the present position."""
        started = time.monotonic()
        configuration, progress = self._configuration.hyperparameters, self.progress
        indices, after = self._order.step(progress.position)
        examples = [
            [self._examples(self._records[index]) for index in batch]
            for batch in share(indices, self._processes.rank, self._processes.count, configuration.batch_size)
        ]
        scored, seen = self._processes.sums([
            sum(scored_tokens(batch) for batch in examples),
            sum(len(example.ids) for batch in examples for example in batch),
        ])
        rate = learning_rate(progress.step, configuration.learning_rate, configuration.schedule,
                             configuration.warmup_steps, self._total_steps)
        loss, usable = self._update(examples, scored, rate)
        progress.step += 1
        progress.position = after
        progress.loss = loss
        progress.evaluated = False
        progress.evaluation_loss = None
        progress.tokens += int(seen)
        progress.non_finite_steps = 0 if usable else progress.non_finite_steps + 1
        if self._processes.is_first:
            speed = seen / max(1e-9, time.monotonic() - started)
            self._metrics.write(progress.step, self._order.fraction(after), loss, rate, round(speed, 1))
        if progress.non_finite_steps >= NON_FINITE_LIMIT:
            raise RunError(
                "LossNotFinite",
                f"the loss was not finite for {NON_FINITE_LIMIT} steps in a row, up to step {progress.step}: "
                "lower hyperparameters.learningRate, add warmupSteps, or use precision bf16 or fp32",
                EXIT_DIVERGED,
            )

    def _update(self, examples, scored, rate):
        """Gradients over all micro-batches and processes, then the optimiser. Returns the mean loss, and
        whether it and the gradients were finite; if they were not, the weights stay as they are."""
        weights = list(self._weights.values())
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for batch in examples:
            tensors = collate(batch, self._padding, self._processes.device)
            with self._autocast():
                loss = summed_loss(self._model, *tensors)
            self._scaler.scale(loss / max(1.0, scored)).backward()
            total += loss.item()
        self._processes.sum_gradients(weights)
        mean = self._processes.sums([total])[0] / max(1.0, scored)
        self._scaler.unscale_(self._optimiser)
        limit = self._configuration.hyperparameters.max_gradient_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(weights, limit).item()
        # With a scaler, an overflow now and then is its way of finding the scale: it skips that step itself.
        usable = math.isfinite(mean) and (math.isfinite(norm) or self._scaler.is_enabled())
        if usable:
            self._scaler.step(self._optimiser)
        if self._scaler.is_enabled():
            self._scaler.update()
        return mean, usable

    def _evaluate(self):
        progress = self.progress
        if self._validation is None:
            progress.evaluated = True
            return
        loss = self._validation.loss(self._model, self._stop_requested)
        if loss is None:
            return
        progress.evaluation_loss = loss
        progress.evaluated = True
        if progress.step == 0:
            progress.initial_evaluation_loss = loss
        if self._processes.is_first:
            self._metrics.write(progress.step, self._order.fraction(progress.position), progress.loss,
                                evalLoss=loss)

    def _save(self):
        """The first process writes; the others wait, for a launcher ends all when one of them exits."""
        self.progress.seconds = time.monotonic() - self._started
        states = self._processes.gather(checkpoint.random_state(self._processes.device))
        if self._processes.is_first:
            state = self.progress.state(self._recipe, self._data, self._configuration.attempt)
            with saving():
                folder = checkpoint.save(self._configuration.checkpoints, state, self._weights,
                                         self._optimiser, self._scaler, states)
            print(f"saved {folder}", flush=True)
        self._processes.wait_for_all()
        self._saved_step = self.progress.step
        self._last_save = time.monotonic()


def _optimiser(weights, parameters):
    """AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019). Biases and norms, the
    one-dimensional weights, do not decay."""
    matrices = [value for value in weights.values() if value.dim() > 1]
    vectors = [value for value in weights.values() if value.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": parameters.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=parameters.learning_rate)
