"""Records as tokens, and which of them count towards the loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .answer_spans import Span, answer_spans
from .chat_template import ChatTemplate, TemplateRefusal, refused, told
from .conversations import Conversation
from .outcome import ConfigurationError
from .plain_template import PlainTemplate
from .records import PlainText

IGNORED = -100
"""The label of a token that does not count towards the loss (PyTorch's ignore index)."""


@dataclass(frozen=True)
class Example:
    """Token ids and, for each, its label: itself where it counts, IGNORED where it does not.

    `length` is what the record had before its end was cut off; `answer_start` is where in it the first token
    is that counts, None where none does. The first token of all is never predicted.
    """

    ids: list[int]
    labels: list[int]
    length: int
    answer_start: int | None

    @property
    def teaches(self) -> bool:
        """Whether any of its tokens counts."""
        return self.answer_start is not None and self.answer_start < len(self.ids)


class Prompts:
    """Renders records with the tokenizer's chat template; a tokenizer without one gets the plain template.

    `embedding_rows` is how many token ids the model knows; a record with another is refused here, on the CPU,
    since a GPU ends in an error that names nothing. None: not known.
    """

    def __init__(self, tokenizer: Any, embedding_rows: int | None = None) -> None:
        self._tokenizer = tokenizer
        self._rows = embedding_rows
        self._chat = ChatTemplate(tokenizer) if tokenizer.chat_template else None
        self._plain = PlainTemplate(tokenizer)
        self._require_rows([tokenizer.pad_token_id], "the tokenizer's padding: ")

    def example(self, record: Conversation | PlainText, limit: int) -> Example:
        """The tokens of a record, at most `limit`; the rest is cut off at its end."""
        if isinstance(record, PlainText):
            ids = self._plain.encode(record.text) + self._plain.end
            labels = list(ids)
        elif self._chat is None:
            ids, labels = self._pieces(record)
        else:
            ids, labels = self._spans(*answer_spans(self._chat, record))
        self._require_rows(ids[:limit], told(record))
        scored = (place for place, label in enumerate(labels) if place > 0 and label != IGNORED)
        return Example(ids[:limit], labels[:limit], len(ids), next(scored, None))

    def question(self, conversation: Conversation, limit: int) -> list[int]:
        """The tokens that ask for the answer to a conversation, at least one; if too many, the last
        `limit`."""
        if self._chat is None:
            ids = self._plain.question(conversation)
        else:
            try:
                ids = self._plain.encode(self._chat.render(conversation, answer_next=True))
            except TemplateRefusal as refusal:
                raise refused(conversation, refusal) from None
        ids = (ids or self._plain.end or [self._tokenizer.pad_token_id])[-limit:]
        self._require_rows(ids, told(conversation))
        return ids

    def unknown_tokens(self) -> list[str]:
        """The tokens of the tokenizer that the model has no embedding row for."""
        if self._rows is None:
            return []
        return sorted(token for token, id in self._tokenizer.get_vocab().items() if id >= self._rows)

    def _pieces(self, conversation: Conversation) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        labels: list[int] = []
        for tokens, counts in self._plain.pieces(conversation):
            ids += tokens
            labels += tokens if counts else [IGNORED] * len(tokens)
        return ids, labels

    def _spans(self, text: str, spans: list[Span]) -> tuple[list[int], list[int]]:
        """The tokens of a text, which is encoded as a whole, and their labels."""
        if not self._tokenizer.is_fast:
            raise ConfigurationError(
                "the model's tokenizer does not tell which text a token is of, so that the answers cannot be "
                "told from the questions: use a model with a tokenizer.json",
                reason="InvalidModel",
            )
        encoding = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids = list(encoding["input_ids"])
        labels = [IGNORED] * len(ids)
        for place in _within(encoding["offset_mapping"], spans):
            labels[place] = ids[place]
        return ids, labels

    def _require_rows(self, ids: Iterable[int], place: str) -> None:
        if self._rows is None or (largest := max(ids, default=0)) < self._rows:
            return
        token = self._tokenizer.convert_ids_to_tokens(largest)
        raise ConfigurationError(
            f"{place}the token {token!r} has the id {largest}, but the model has embeddings for "
            f"{self._rows:,} tokens only (ids 0 to {self._rows - 1}): resize them "
            "(model.resize_token_embeddings(len(tokenizer))) and save model and tokenizer again, or remove "
            "the token from the tokenizer or the records",
            reason="TokenWithoutEmbedding",
        )


def _within(offsets: list[tuple[int, int]], spans: list[Span]) -> Iterable[int]:
    """The places of the tokens of which any character is in a span, as Transformers counts them. A token of
    white space may have lost its characters to trimming: then only its end is left."""
    current = 0
    for place, (start, end) in enumerate(offsets):
        while current < len(spans) and spans[current][1] < end and spans[current][1] <= start:
            current += 1
        if current == len(spans):
            return
        first, last = spans[current]
        if (start < last and end > first) if start < end else first < end <= last:
            yield place
