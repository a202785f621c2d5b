"""Makes a tiny Llama-architecture model with a byte-level tokenizer, for where no hub can be reached.

The weights are random but seeded; a short pretraining on plain text teaches them to spell, so that a
fine-tune has something to adapt. The same arguments give the same files on the same kind of CPU.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "lib"))

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"]

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '</s>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def make_tokenizer(folder, longest):
    """A vocabulary of the 256 bytes and the special tokens: any text round-trips, one token a byte."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(SPECIAL_TOKENS + symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=longest,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(folder)
    return wrapped


def make_model(arguments, tokenizer):
    """A randomly initialised Llama of the sizes that the arguments give."""
    from transformers.models.llama import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=arguments.hidden,
        intermediate_size=arguments.intermediate or 8 * arguments.hidden // 3 // 8 * 8,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.heads,
        max_position_embeddings=arguments.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    ))


def pretrain(model, tokenizer, texts, steps, seed, batch_size=4, width=96, rate=4e-3):
    """Next-token prediction on windows of the texts, joined by end-of-sequence tokens."""
    import torch

    stream = []
    for text in texts:
        stream += tokenizer.encode(text, add_special_tokens=False) + [tokenizer.eos_token_id]
    if len(stream) <= width + 1:
        raise SystemExit("--text has too little text to pretrain on")
    stream = torch.tensor(stream)
    generator = random.Random(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * (1.0 - 0.9 * step / steps)
        starts = [generator.randrange(len(stream) - width) for _ in range(batch_size)]
        ids = torch.stack([stream[start : start + width] for start in starts])
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            print(f"pretraining: step {step + 1}/{steps}, loss {loss.item():.3f}, "
                  f"{time.monotonic() - started:.1f} s", flush=True)


def read_texts(path, limit=3000):
    """The answers in a JSONL dataset, without their questions: plain text of the same language."""
    texts = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
                texts.append(record.get("completion") or record["text"])
            except (ValueError, KeyError, AttributeError):
                continue
            if len(texts) == limit:
                break
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="folder to write the model to")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--intermediate", type=int, default=0, help="default: 8/3 of --hidden")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--text", help="JSONL dataset to pretrain on")
    parser.add_argument("--pretrain-steps", type=int, default=400, help="only with --text")
    arguments = parser.parse_args()

    from transformers.utils import logging

    from anneal_runtime.language_model import make_deterministic

    logging.disable_progress_bar()

    make_deterministic(arguments.seed)
    os.makedirs(arguments.output, exist_ok=True)
    tokenizer = make_tokenizer(arguments.output, arguments.context)
    model = make_model(arguments, tokenizer)
    if arguments.text and arguments.pretrain_steps:
        pretrain(model, tokenizer, read_texts(arguments.text), arguments.pretrain_steps, arguments.seed)
    model.save_pretrained(arguments.output)
    print(f"wrote {arguments.output}: {model.num_parameters():,} parameters, {len(tokenizer)} tokens")


if __name__ == "__main__":
    main()
