"""The fine-tuning methods: which model is loaded, and which of its weights learn."""

import json
import os

import torch

from anneal_runtime.language_model import load_causal_model
from anneal_runtime.outcome import ConfigurationError

DATA_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

NEGLIGIBLE = 1e-12
"""A weight below this does nothing: float32 has seven digits, and the others of its matrix are near 0.01."""

CHUNK_ELEMENTS = 4 * 1024 * 1024


def require_method(configuration):
    """Refuses what this machine cannot do, before anything is loaded."""
    precision = configuration.hyperparameters.precision
    if precision == "fp16" and not torch.cuda.is_available():
        raise ConfigurationError(
            "hyperparameters.precision is fp16: it needs a CUDA GPU, and there is none; use bf16 or fp32",
            reason="UnsupportedMethod",
        )
    if configuration.method != "qlora":
        return
    if not torch.cuda.is_available():
        raise ConfigurationError(
            "method is qlora: it needs a CUDA GPU, and there is none here; use lora, or ask for GPUs",
            reason="UnsupportedMethod",
        )
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "method is qlora: it needs the package bitsandbytes, which this image lacks; add it, or "
            "use lora",
            reason="UnsupportedMethod",
        ) from None


def load_model(configuration, device):
    """The model on `device`, with its trainable weights, and only those, requiring gradients."""
    parameters = configuration.hyperparameters
    if configuration.method == "full":
        # The optimiser updates float32 weights; precision applies to the computation (autocast).
        model = load_causal_model(configuration.model, torch.float32).to(device)
    elif configuration.method == "lora":
        base = load_causal_model(configuration.model, DATA_TYPES[parameters.precision]).to(device)
        model = _with_adapter(base, configuration)
    else:
        base = _load_quantised(configuration.model, parameters.precision, device)
        model = _with_adapter(base, configuration)
    if configuration.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    for parameter in trainable(model).values():
        parameter.data = parameter.data.float()
    return model


def _load_quantised(folder, precision, device):
    """The base model in 4-bit NormalFloat: Dettmers et al., "QLoRA" (2023)."""
    from transformers import BitsAndBytesConfig

    compute = DATA_TYPES[precision]
    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return load_causal_model(
        folder, compute, quantization_config=quantisation, device_map={"": device.index or 0}
    )


def _with_adapter(model, configuration):
    """The frozen model with low-rank adapters: Hu et al., "LoRA" (2021)."""
    from peft import LoraConfig, get_peft_model

    parameters = configuration.hyperparameters
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=parameters.lora_rank,
        lora_alpha=parameters.lora_alpha,
        lora_dropout=parameters.lora_dropout,
        target_modules=list(parameters.lora_targets),
        modules_to_save=list(configuration.modules_to_save) or None,
    )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if configuration.gradient_checkpointing:
        model.enable_input_require_grads()
    try:
        return get_peft_model(model, adapter)
    except ValueError as error:
        raise ConfigurationError(
            f"hyperparameters.loraTargetModules is {', '.join(parameters.lora_targets)}: {error}"
        ) from None


def trainable(model):
    """The weights that learn, by name, in the model's order."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def fingerprint(weights):
    """A number for each weight that changes with its bits, cheap enough for the largest model.

    Values next to zero count as zero: a step of 1e-30 changes bits of what was zero, and nothing else. The
    first factor of an adapter is left out: it starts at random, and alone changes nothing while the second
    one is zero (in embeddings it is the other way round).
    """
    return {
        name: sum(_bits(part) for part in value.detach().reshape(-1).split(CHUNK_ELEMENTS))
        for name, value in weights.items()
        if ".lora_A." not in name and ".lora_embedding_B." not in name
    }


def _bits(values):
    """The sum of the bit patterns. It is taken by chunks, as there may be no memory for another copy."""
    kept = torch.where(values.abs() < NEGLIGIBLE, torch.zeros_like(values), values)
    return kept.view(torch.int32).sum(dtype=torch.int64).item()


def save_trained(model, tokenizer, folder):
    """Writes the adapter, or the whole model for the method full, and the tokenizer."""
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _sort_adapter_configuration(os.path.join(folder, "adapter_config.json"))
    make_readable(folder)


def make_readable(folder):
    """Safetensors makes files that only their owner can read; the sidecar may be another."""
    for entry in os.scandir(folder):
        if entry.is_file():
            os.chmod(entry.path, 0o644)


def _sort_adapter_configuration(path):
    """PEFT keeps module names in sets, whose order changes from process to process; the same training should
    give the same files."""
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    for key, value in values.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            values[key] = sorted(value)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=2, sort_keys=True)
