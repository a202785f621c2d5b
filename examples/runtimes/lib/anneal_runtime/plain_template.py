"""The text format of tokenizers without a chat template."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .chat_template import told
from .conversations import THOUGHTS, Conversation, Message
from .outcome import ConfigurationError


class PlainTemplate:
    """Each message is "Role: content", messages are divided by a blank line, the assistant's end with the
    end-of-sequence token; at the start is the beginning-of-sequence token, where there is one.

    An answer is encoded apart from what comes before it, as it is when the model is asked for it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def end(self) -> list[int]:
        return [] if self._tokenizer.eos_token_id is None else [self._tokenizer.eos_token_id]

    def encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False, verbose=False) if text else []

    def pieces(self, conversation: Conversation) -> Iterator[tuple[list[int], bool]]:
        """The tokens of a conversation, piece by piece, and whether they count towards the loss."""
        yield self._start(), False
        context = ""
        for index, message in enumerate(conversation.messages):
            self._require_plain(conversation, message, index)
            context += ("\n\n" if index else "") + _heading(message)
            if message.role != "assistant":
                context += message.text
                continue
            yield self.encode(context), False
            yield self.encode(message.text + (self._tokenizer.eos_token or "")), message.learnt
            context = ""
        yield self.encode(context), False

    def question(self, conversation: Conversation) -> list[int]:
        """The tokens that ask for the assistant's answer."""
        answer = Message("assistant", {"content": ""})
        pieces = self.pieces(replace(conversation, messages=(*conversation.messages, answer)))
        tokens = [tokens for tokens, _ in pieces]
        # The last two are the empty answer with its end, and what follows it: nothing.
        return sum(tokens[:-2], [])

    def _start(self) -> list[int]:
        return [] if self._tokenizer.bos_token_id is None else [self._tokenizer.bos_token_id]

    def _require_plain(self, conversation: Conversation, message: Message, index: int) -> None:
        """Refuses what the format has no words for."""
        beyond = [f"messages[{index}].{name}" for name in ("tool_calls", *THOUGHTS)
                  if message.fields.get(name)]
        if conversation.tools:
            beyond.append("tools")
        if beyond:
            raise ConfigurationError(
                f"{told(conversation)}the model's tokenizer has no chat template, which {beyond[0]} needs: "
                "use a model with one that renders it, or remove it from the records",
                reason="InvalidRecord",
            )


def _heading(message: Message) -> str:
    """The role that a message begins with. The role developer is what system was before."""
    return f"{'system' if message.role == 'developer' else message.role}: ".capitalize()
