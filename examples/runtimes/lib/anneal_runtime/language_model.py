"""Loading tokenizers and causal language models from a folder, and their loss."""

import os
import random
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# cuBLAS is deterministic only with a fixed workspace, and reads this when it starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy
import torch
import torch.nn.functional as functional

from .outcome import ConfigurationError
from .prompts import IGNORED


def make_deterministic(seed):
    """Seeds every generator and demands deterministic kernels.

    Sums depend on how many threads share them, so without OMP_NUM_THREADS one thread is used: the same
    inputs then give the same bits on every machine with the same kind of CPU.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def load_tokenizer(folder):
    """The tokenizer in `folder`; padding is its end-of-sequence token if it has no other."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"model.path is {folder}: no tokenizer can be loaded from it: {_first_line(error)}; "
            "it must hold tokenizer.json and tokenizer_config.json",
            reason="InvalidModel",
        ) from None
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise ConfigurationError(
                f"model.path is {folder}: its tokenizer has neither a padding nor an end-of-sequence token; "
                "add one to tokenizer_config.json",
                reason="InvalidModel",
            )
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_causal_model(folder, dtype, **options):
    """The causal language model in `folder`, its weights in `dtype`."""
    _require_configuration(folder)
    from transformers import AutoModelForCausalLM
    _quieten()
    try:
        return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=dtype, **options)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"model.path is {folder}: no causal language model can be loaded from it: {_first_line(error)}",
            reason="InvalidModel",
        ) from None


def embedding_rows(folder):
    """How many token ids the model in `folder` has embeddings for; None if its configuration does not say.
    Loading refuses weights of another shape, so that the weights need not be read for it."""
    _require_configuration(folder)
    from transformers import AutoConfig

    try:
        configuration = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"model.path is {folder}: its config.json cannot be used: {_first_line(error)}",
            reason="InvalidModel",
        ) from None
    return getattr(configuration.get_text_config(), "vocab_size", None)


def _require_configuration(folder):
    if not os.path.isfile(os.path.join(folder, "config.json")):
        raise ConfigurationError(
            f"model.path is {folder}: there is no config.json in it; it must be the folder of a model in the "
            "format of Hugging Face Transformers",
            reason="InvalidModel",
        )


def collate(examples, padding, device):
    """Examples as tensors `ids`, `labels`, `mask`, each [batch, longest], padded on the right."""
    width = max(1, max(len(example.ids) for example in examples))
    ids = torch.full((len(examples), width), padding, dtype=torch.long)
    labels = torch.full((len(examples), width), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(examples), width), dtype=torch.long)
    for row, example in enumerate(examples):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids, dtype=torch.long)
        labels[row, :length] = torch.tensor(example.labels, dtype=torch.long)
        mask[row, :length] = 1
    return ids.to(device), labels.to(device), mask.to(device)


def scored_tokens(examples):
    """How many tokens of the examples count towards the loss; the first token is never predicted."""
    return sum(1 for example in examples for label in example.labels[1:] if label != IGNORED)


def summed_loss(model, ids, labels, mask):
    """The sum, not the mean, of −log p over the scored tokens, in float32: sums of micro-batches and of
    processes add up to the loss of the whole batch, whatever their lengths."""
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]).float(),
        labels[:, 1:].reshape(-1),
        ignore_index=IGNORED,
        reduction="sum",
    )


def _quieten():
    """Keeps progress bars and other libraries' notes to their own developers out of the pod's log."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
