"""One attempt from configuration to trained model: puts the parts together."""

import functools
import json
import os

import torch

import checkpoint
from adaptation import DATA_TYPES, fingerprint, load_model, require_method, save_trained, trainable
from anneal_runtime.language_model import embedding_rows, load_tokenizer, make_deterministic
from anneal_runtime.outcome import ConfigurationError
from anneal_runtime.prompts import Prompts
from anneal_runtime.records import RecordFile
from batches import DataOrder
from data_check import DataCheck, check_data
from distributed import join
from loop import Trainer
from metrics import MetricsLog, finite
from stopping import saving
from training_configuration import recipe, require_same_recipe, require_steps_left
from validation import Validation


def train(configuration, stop_requested):
    """Runs the attempt; returns its summary on the first process, None on the others."""
    parameters = configuration.hyperparameters
    require_method(configuration)
    records = RecordFile(configuration.training_data, configuration.format, "data.train")
    processes = join()
    made_by = recipe(configuration, records.digest, processes.count)
    resume_from = os.environ.get("ANNEAL_RESUME_FROM")
    state = None
    if resume_from:
        state = checkpoint.load_state(resume_from)
        require_same_recipe(state["recipe"], made_by, resume_from)

    make_deterministic(parameters.seed)
    tokenizer = load_tokenizer(configuration.model)
    prompts = Prompts(tokenizer, embedding_rows(configuration.model))
    examples = functools.partial(prompts.example, limit=parameters.max_length)
    order = DataOrder(len(records), parameters.seed,
                      parameters.batch_size * parameters.accumulation * processes.count)
    total_steps = order.total_steps(parameters.epochs, parameters.max_steps)
    if state is not None:
        require_steps_left(state["step"], total_steps, resume_from)
    metrics = None
    if processes.is_first:
        checkpoint.remove_partial(configuration.checkpoints)
        metrics = MetricsLog(configuration.metrics, total_steps, configuration.log_every_steps)
    held_back, held_back_count = _validation_records(configuration)
    check = functools.partial(
        check_data, examples=examples, processes=processes, stop_requested=stop_requested,
        sign_of_life=lambda: metrics and metrics.write(0, 0.0),
    )
    data = _check_data(configuration, records, state, check)
    warnings = data.warnings("training", parameters.max_length) + _unknown_tokens(prompts)
    if held_back is not None:
        warnings += check(held_back, held_back_count).warnings("validation", parameters.max_length)

    model = load_model(configuration, processes.device)
    weights = trainable(model)
    processes.share_first(weights.values())
    # Dropout must differ between the processes, unlike the adapter's first weights.
    torch.manual_seed(parameters.seed + processes.rank)
    untrained = fingerprint(weights)

    autocast = _autocast(processes.device, parameters.precision)
    if processes.is_first:
        _announce(configuration, processes, records, weights, model, total_steps, resume_from, warnings)
    validation = None
    if held_back is not None:
        validation = Validation(held_back, held_back_count, examples, processes, parameters.batch_size,
                                tokenizer.pad_token_id, autocast)
    trainer = Trainer(configuration, made_by, data, processes, model, weights, records, order, examples,
                      tokenizer.pad_token_id, validation, autocast, metrics, stop_requested)
    if resume_from:
        trainer.resume(resume_from, state)
    if metrics and warnings:
        progress = trainer.progress
        metrics.write(progress.step, order.fraction(progress.position), progress.loss, warnings=warnings)
    trainer.run()
    if not processes.is_first:
        return None
    _require_change(untrained, weights, trainer.progress)
    return _finish(configuration, trainer.progress, model, tokenizer, warnings)


def _check_data(configuration, records, state, check):
    """What the records teach; a run that goes on has it in its checkpoint, for the data are the same."""
    if state is not None and "data" in state:
        return DataCheck(**state["data"])
    data = check(records, len(records))
    data.refuse_if_nothing_is_taught(configuration.training_data, configuration.hyperparameters.max_length)
    return data


def _unknown_tokens(prompts):
    """A warning of tokens that the model cannot be fed. Records that use one are refused; those that do not,
    can be learnt."""
    unknown = prompts.unknown_tokens()
    if not unknown:
        return []
    return [f"the tokenizer has {len(unknown)} token(s) that the model has no embedding for, such as "
            f"{unknown[0][:60]!r}: no training record uses them, and no prompt may"]


def _require_change(untrained, weights, progress):
    """Refuses a model that training left as it was: it would be registered as a new one."""
    if fingerprint(weights) == untrained:
        raise ConfigurationError(
            f"training changed no weight in {progress.step} steps (the last loss was "
            f"{finite(progress.loss)}): raise hyperparameters.learningRate, or use precision bf16 or fp32 if "
            "the loss is not finite",
            reason="ModelUnchanged",
        )


def _autocast(device, precision):
    """A maker of contexts in which the computation has the configured precision."""
    return functools.partial(torch.autocast, device.type, dtype=DATA_TYPES[precision],
                             enabled=precision != "fp32")


def _validation_records(configuration):
    """The validation records, if there are any, and how many of them are used: an empty file has none."""
    path = configuration.validation_data
    if path is None or (os.path.isfile(path) and os.path.getsize(path) == 0):
        return None, 0
    records = RecordFile(path, configuration.format, "data.validation")
    return records, min(len(records), configuration.evaluation_records or len(records))


def _announce(configuration, processes, records, weights, model, total_steps, resume_from, warnings):
    learning = sum(value.numel() for value in weights.values())
    print(f"{configuration.name}, attempt {configuration.attempt}: {configuration.method}, {len(records)} "
          f"records, {total_steps} steps, {processes.count} process(es) on {processes.device.type}; "
          f"{learning:,} of {model.num_parameters():,} parameters learn", flush=True)
    if configuration.format == "preference":
        print("preference records: supervised training learns the chosen answers only", flush=True)
    if resume_from:
        print(f"going on from {resume_from}", flush=True)
    for warning in warnings:
        print(f"WARNING: {warning}", flush=True)


def _finish(configuration, progress, model, tokenizer, warnings):
    """Writes the model and its summary; running it again writes the same."""
    with saving():
        save_trained(model, tokenizer, configuration.output)
    summary = {
        "initialEvalLoss": finite(progress.initial_evaluation_loss),
        "finalEvalLoss": finite(progress.evaluation_loss),
        "finalLoss": finite(progress.loss),
        "steps": progress.step,
        "tokens": progress.tokens,
        "seconds": round(progress.seconds, 3),
    }
    if warnings:
        summary["warnings"] = warnings
    with open(os.path.join(configuration.output, "training-summary.json"), "w", encoding="utf-8") as file:
        json.dump(summary, file, indent=2, allow_nan=False)
    print(f"done: {json.dumps(summary)}", flush=True)
    return summary
