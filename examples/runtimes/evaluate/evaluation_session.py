"""One evaluation from configuration to metrics: puts the parts together."""

import json
import math
import os

import torch

from anneal_runtime.language_model import (
    embedding_rows,
    load_causal_model,
    load_tokenizer,
    make_deterministic,
)
from anneal_runtime.outcome import MESSAGE_LIMIT_BYTES, ConfigurationError
from anneal_runtime.prompts import Prompts
from generation import Generator
from suites import measure

SAMPLE_LIMIT = 200


def evaluate(configuration):
    """Measures the model, writes metrics.json and samples.jsonl, and returns the result."""
    make_deterministic(configuration.seed)
    tokenizer = load_tokenizer(configuration.model)
    prompts = Prompts(tokenizer, embedding_rows(configuration.model))
    model = _load(configuration)
    context = getattr(model.config, "max_position_embeddings", None) or 2048
    generator = Generator(
        model, tokenizer, prompts, configuration.batch_size, configuration.max_new_tokens, context
    )
    measurement = measure(configuration, model, tokenizer, prompts, generator)
    result = summarise(configuration.suite, measurement)
    os.makedirs(configuration.output, exist_ok=True)
    with open(os.path.join(configuration.output, "metrics.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2, allow_nan=False)
    with open(os.path.join(configuration.output, "samples.jsonl"), "w", encoding="utf-8") as file:
        for sample in measurement.samples[:SAMPLE_LIMIT]:
            file.write(json.dumps(sample, ensure_ascii=False) + "\n")
    print(f"{configuration.name}: {json.dumps(result)}", flush=True)
    return fit(result)


def _load(configuration):
    """The model with its adapter, on the GPU if there is one, as it was trained: in the type of its files."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_causal_model(configuration.model, "auto")
    if configuration.adapter is not None:
        if not os.path.isfile(os.path.join(configuration.adapter, "adapter_config.json")):
            raise ConfigurationError(
                f"model.adapter is {configuration.adapter}: there is no adapter_config.json in it; name the "
                "folder of a PEFT adapter, or leave adapter out and name a whole model as model.path",
                reason="InvalidModel",
            )
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, configuration.adapter)
    return model.to(device).eval()


def summarise(suite, measurement):
    """The result: only finite metrics; "missing" names the others, so that no gate can pass on them."""
    finite = {name: value for name, value in measurement.metrics.items() if math.isfinite(value)}
    result = {"metrics": finite, "samples": measurement.count, "suite": suite}
    missing = sorted(measurement.metrics.keys() - finite.keys())
    return result | {"missing": missing} if missing else result


def fit(result):
    """The result as the termination message can hold it: metrics of categories are left out, last ones first,
    and "truncated" says so. metrics.json has them all."""
    metrics = dict(result["metrics"])
    shortened = result
    while len(json.dumps(shortened, ensure_ascii=False).encode()) > MESSAGE_LIMIT_BYTES and metrics:
        metrics.popitem()
        shortened = result | {"metrics": metrics, "truncated": True}
    return shortened
