"""Records as tokens: the chat template, and which tokens count towards the loss."""

from dataclasses import dataclass

from .outcome import ConfigurationError
from .records import PlainText

IGNORED = -100
"""The label of a token that does not count towards the loss (PyTorch's ignore index)."""


@dataclass(frozen=True)
class Example:
    """Token ids and, for each, its label: itself where it counts, IGNORED where it does not."""

    ids: list
    labels: list


class Prompts:
    """Renders records with the tokenizer's chat template.

    A tokenizer without one gets the plain template: each message is "Role: content", messages are divided
    by a blank line, the assistant's end with the end-of-sequence token.
    """

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def example(self, record, limit):
        """The tokens of a record, at most `limit`; the rest is cut off at its end."""
        if isinstance(record, PlainText):
            ids = self._encode(record.text) + self._end()
            return Example(ids[:limit], ids[:limit])
        ids, labels, rendered = self._start(), [], ""
        labels += [IGNORED] * len(ids)
        for index, (role, _) in enumerate(record.messages):
            if role != "assistant":
                continue
            before = self._render(record.messages[:index], answer_next=True)
            after = self._render(record.messages[: index + 1], answer_next=False)
            boundary = max(len(rendered), _common_prefix(before, after))
            context = self._encode(after[len(rendered) : boundary])
            answer = self._encode(after[boundary:])
            ids += context + answer
            labels += [IGNORED] * len(context) + answer
            rendered = after
        return Example(ids[:limit], labels[:limit])

    def question(self, messages, limit):
        """The tokens that ask for the answer to `messages`, at least one; if too long, the last `limit`."""
        ids = self._start() + self._encode(self._render(messages, answer_next=True))
        return (ids or self._end() or [self._tokenizer.pad_token_id])[-limit:]

    def _encode(self, text):
        return self._tokenizer.encode(text, add_special_tokens=False) if text else []

    def _start(self):
        """The beginning-of-sequence token, where there is one and a chat template does not write it."""
        if self._tokenizer.chat_template or self._tokenizer.bos_token_id is None:
            return []
        return [self._tokenizer.bos_token_id]

    def _end(self):
        return [] if self._tokenizer.eos_token_id is None else [self._tokenizer.eos_token_id]

    def _render(self, messages, answer_next):
        if self._tokenizer.chat_template:
            return self._render_chat(messages, answer_next) if messages else ""
        end = self._tokenizer.eos_token or ""
        parts = [
            f"{role.capitalize()}: {content}{end if role == 'assistant' else ''}"
            for role, content in messages
        ]
        return "\n\n".join(parts + (["Assistant: "] if answer_next else []))


    def _render_chat(self, messages, answer_next):
        from jinja2 import TemplateError

        chat = [{"role": role, "content": content} for role, content in messages]
        try:
            return self._tokenizer.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=answer_next
            )
        except TemplateError as error:
            roles = ", ".join(role for role, _ in messages[:10])
            raise ConfigurationError(
                f"the chat template of the model refuses a conversation with the roles {roles}: {error}; "
                "change these records, or the model's chat template",
                reason="InvalidRecord",
            ) from None


def _common_prefix(first, second):
    """How many characters two texts share at their start."""
    if second.startswith(first):
        return len(first)
    count = 0
    for left, right in zip(first, second):
        if left != right:
            break
        count += 1
    return count
