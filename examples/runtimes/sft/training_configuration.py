"""The trainer's configuration: typed, checked, with defaults."""

from dataclasses import dataclass

from anneal_runtime.outcome import ConfigurationError
from anneal_runtime.records import FORMATS
from anneal_runtime.settings import Section

METHODS = ("lora", "qlora", "full")
SCHEDULES = ("cosine", "linear", "constant")
PRECISIONS = ("fp32", "bf16", "fp16")
PARAMETERS = ("gradientCheckpointing", "modulesToSave", "evaluationRecords", "logEverySteps")


@dataclass(frozen=True)
class Hyperparameters:
    """Sizes are per process: one optimiser step sees batchSize × gradientAccumulationSteps × processes."""

    learning_rate: float
    batch_size: int
    accumulation: int
    epochs: float
    max_steps: int | None
    max_length: int
    warmup_steps: int
    weight_decay: float
    schedule: str
    seed: int
    max_gradient_norm: float
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: tuple
    precision: str


@dataclass(frozen=True)
class TrainingConfiguration:
    name: str
    attempt: int
    method: str
    model: str
    training_data: str
    validation_data: str | None
    format: str
    hyperparameters: Hyperparameters
    gradient_checkpointing: bool
    modules_to_save: tuple
    evaluation_records: int
    log_every_steps: int
    checkpoint_every_steps: int
    checkpoint_every_seconds: float | None
    checkpoints: str
    metrics: str
    output: str


def parse(root: Section) -> TrainingConfiguration:
    """The configuration in the root section; raises ConfigurationError on the first thing wrong in it."""
    run, data, checkpoint = root.section("run"), root.section("data"), root.section("checkpoint", {})
    parameters = root.parameters(PARAMETERS)
    method = root.string("method")
    if method not in METHODS:
        root.fail("method", f"this trainer knows {', '.join(METHODS)}; others need another trainer image")
    modules = parameters.string("modulesToSave", "")
    return TrainingConfiguration(
        name=run.string("name"),
        attempt=run.integer("attempt", 1, minimum=1),
        method=method,
        model=root.section("model").string("path"),
        training_data=data.string("train"),
        validation_data=data.string("validation", None),
        format=data.choice("format", FORMATS, "promptCompletion"),
        hyperparameters=_hyperparameters(root.section("hyperparameters", {})),
        gradient_checkpointing=parameters.flag("gradientCheckpointing"),
        modules_to_save=tuple(name.strip() for name in modules.split(",") if name.strip()),
        evaluation_records=parameters.decimal("evaluationRecords", 512),
        log_every_steps=parameters.decimal("logEverySteps", 10, minimum=1),
        checkpoint_every_steps=checkpoint.integer("everySteps", 0),
        checkpoint_every_seconds=checkpoint.number("everySeconds", None, above=0),
        checkpoints=checkpoint.string("directory", "/workspace/checkpoints"),
        metrics=root.string("metricsFile", "/workspace/run/metrics.jsonl"),
        output=root.string("output", "/workspace/output"),
    )


def _hyperparameters(section):
    section.reject_unknown((
        "learningRate", "batchSize", "gradientAccumulationSteps", "epochs", "maxSteps", "maxSequenceLength",
        "warmupSteps", "weightDecay", "lrScheduler", "seed", "maxGradNorm", "loraRank", "loraAlpha",
        "loraDropout", "loraTargetModules", "precision",
    ))
    rank = section.integer("loraRank", 16, minimum=1, maximum=65_536)
    dropout = section.number("loraDropout", 0.0)
    if dropout >= 1:
        section.fail("loraDropout", "it must be below 1")
    return Hyperparameters(
        learning_rate=section.number("learningRate", 1e-4, above=0),
        batch_size=section.integer("batchSize", 8, minimum=1, maximum=65_536),
        accumulation=section.integer("gradientAccumulationSteps", 1, minimum=1, maximum=65_536),
        epochs=section.number("epochs", 3.0, above=0),
        max_steps=section.integer("maxSteps", None, minimum=1),
        max_length=section.integer("maxSequenceLength", 512, minimum=2, maximum=2**20),
        warmup_steps=section.integer("warmupSteps", 0),
        weight_decay=section.number("weightDecay", 0.0),
        schedule=section.choice("lrScheduler", SCHEDULES, "cosine"),
        seed=section.integer("seed", 42),
        max_gradient_norm=section.number("maxGradNorm", 1.0),
        lora_rank=rank,
        lora_alpha=section.number("loraAlpha", 2.0 * rank, above=0),
        lora_dropout=dropout,
        lora_targets=tuple(sorted(section.strings("loraTargetModules", ["q_proj", "v_proj"]))),
        precision=section.choice("precision", PRECISIONS, "fp32"),
    )


def recipe(configuration, training_digest, processes):
    """All that decides which weights a step makes. A checkpoint of another recipe is not resumed from; how many
    steps there are is left out, so that a run can be made longer."""
    values = {f"hyperparameters.{key}": value for key, value in vars(configuration.hyperparameters).items()
              if key not in ("epochs", "max_steps")}
    values["hyperparameters.lora_targets"] = list(configuration.hyperparameters.lora_targets)
    return values | {
        "method": configuration.method,
        "data.format": configuration.format,
        "data.train (SHA-256)": training_digest,
        "parameters.modulesToSave": list(configuration.modules_to_save),
        "number of processes": processes,
    }


def require_same_recipe(saved, current, folder):
    """Refuses to go on from a checkpoint that another recipe made, and names what differs."""
    for key, value in current.items():
        if saved.get(key) != value:
            raise ConfigurationError(
                f"{key} is {value}, but the checkpoint {folder} was made with {saved.get(key)}: "
                "restore the value, or start a new run without ANNEAL_RESUME_FROM",
                reason="CheckpointMismatch",
            )


def require_steps_left(step, total_steps, folder):
    """Refuses to go on from a checkpoint that is past the end."""
    if step > total_steps:
        raise ConfigurationError(
            f"hyperparameters.epochs and maxSteps ask for {total_steps} steps, but the checkpoint {folder} has "
            f"done {step}: ask for as many at least, or start a new run without ANNEAL_RESUME_FROM",
            reason="CheckpointMismatch",
        )
