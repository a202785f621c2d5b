"""Rendering conversations with the model's chat template, so that nothing of them is dropped unseen."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .conversations import THOUGHTS, Conversation, Message
from .outcome import ConfigurationError

_GENERATION = re.compile(r"\{%[-+]?\s*generation\s*[-+]?%\}")

_TEMPLATE_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a template's own expressions raise beside Jinja's errors."""


class TemplateRefusal(Exception):
    """The template does not render these messages; the text says why, in the template's words."""


class ChatTemplate:
    """The chat template of a tokenizer that has one."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._complete: set[tuple] = set()

    @property
    def own_tokens(self) -> list[str]:
        """The tokens that ordinary text is never split into."""
        return sorted({token.content for token in self._tokenizer.added_tokens_decoder.values()} - {""})

    @property
    def end_tokens(self) -> list[str]:
        """The tokens that can end a turn: special ones."""
        tokens = self._tokenizer.added_tokens_decoder.values()
        return sorted({token.content for token in tokens if token.special and token.content})

    def has_generation_marks(self, conversation: Conversation) -> bool:
        """Whether the template marks itself what the assistant says."""
        return _GENERATION.search(self._source(conversation)) is not None

    def render(self, conversation: Conversation, answer_next: bool = False) -> str:
        """The text of a conversation; empty for one without messages. `answer_next` adds what asks for the
        assistant's answer. Raises TemplateRefusal."""
        if not conversation.messages:
            return ""
        return self._refusing(lambda: self._tokenizer.apply_chat_template(
            self._chat(conversation), tools=list(conversation.tools) or None, tokenize=False,
            add_generation_prompt=answer_next,
        ))

    def render_marked(self, conversation: Conversation) -> tuple[str, list[tuple[int, int]]]:
        """The text, and the places in it that the template's generation marks enclose."""
        from transformers.utils.chat_template_utils import render_jinja_template

        texts, places = self._refusing(lambda: render_jinja_template(
            conversations=[self._chat(conversation)], tools=list(conversation.tools) or None,
            chat_template=self._source(conversation), return_assistant_tokens_mask=True,
            **self._tokenizer.special_tokens_map,
        ))
        return texts[0], [(start, end) for start, end in places[0]]

    def whole(self, conversation: Conversation) -> str:
        """The text of a whole conversation. What the template refuses, or drops, is the user's to mend."""
        try:
            text = self.render(conversation)
        except TemplateRefusal as refusal:
            raise refused(conversation, refusal) from None
        self._require_complete(conversation, text)
        return text

    def _source(self, conversation: Conversation) -> str:
        return self._tokenizer.get_chat_template(tools=list(conversation.tools) or None)

    def _refusing(self, action: Callable[[], Any]) -> Any:
        from jinja2 import TemplateError

        try:
            return action()
        except (TemplateError, *_TEMPLATE_ERRORS) as error:
            raise TemplateRefusal(str(error) or type(error).__name__) from None

    def _chat(self, conversation: Conversation) -> list[dict[str, Any]]:
        """The messages as a template reads them. OpenAI's role developer is what system was before: a
        template that does not know it gets system."""
        knows_developer = "developer" in self._source(conversation)
        return [
            {"role": "system" if message.role == "developer" and not knows_developer else message.role,
             **message.fields}
            for message in conversation.messages
        ]

    def _require_complete(self, conversation: Conversation, text: str) -> None:
        """Refuses a conversation of which the template drops a part.

        Each part is replaced by a word of its own, which must then be in the text. Whether it is depends on
        which parts there are and not on their words, so that each shape of a conversation is tried once.
        Reasoning templates drop older thoughts by design: those must be rendered where they are the newest.
        """
        parts = _parts(conversation)
        fields = ((message.role, *sorted(message.fields)) for message in conversation.messages)
        shape = (*fields, *parts)
        if shape in self._complete:
            return
        last = len(conversation.messages) - 1
        older = [part for part in parts if part.field in THOUGHTS and part.message < last]
        word = unused_word(text)
        words = {part: f"{word}{number}x" for number, part in enumerate(parts) if part not in older}
        # A part may be missing because of what replaced another, so that it is tried alone.
        dropped = [part for part in self._missing(conversation, words)
                   if self._missing(conversation, {part: word})]
        dropped += [part for part in older
                    if self._missing(conversation.before(part.message + 1), {part: word})]
        if dropped:
            raise ConfigurationError(
                f"{told(conversation)}the chat template of the model drops {dropped[0].name}, so that it "
                "could not be learnt from; remove it from the records, or use a chat template that has it",
                reason="InvalidRecord",
            )
        self._complete.add(shape)

    def _missing(self, conversation: Conversation, words: dict["Part", str]) -> list["Part"]:
        """The parts whose words are not in the text; where a template refuses the words, all, or, of a single
        part, none: what it refuses it has read."""
        changed = conversation
        for part, word in words.items():
            changed = part.replaced(changed, word)
        try:
            text = self.render(changed)
        except TemplateRefusal:
            return list(words) if len(words) > 1 else []
        return [part for part, word in words.items() if word not in text]


@dataclass(frozen=True)
class Part:
    """A part of a conversation that a template must render: a field of a message, or a tool."""

    field: str
    message: int = -1
    number: int = 0

    @property
    def name(self) -> str:
        if self.field == "tools":
            return f"tools[{self.number}]"
        numbered = f"[{self.number}]" if self.field == "tool_calls" else ""
        return f"messages[{self.message}].{self.field}{numbered}"

    def replaced(self, conversation: Conversation, word: str) -> Conversation:
        """The conversation with a word in place of this part's own."""
        if self.field == "tools":
            tools = list(conversation.tools)
            tool = tools[self.number]
            tools[self.number] = {**tool, "function": {**tool["function"], "name": word}}
            return replace(conversation, tools=tuple(tools))
        messages = list(conversation.messages)
        message = messages[self.message]
        if self.field == "tool_calls":
            calls = list(message.calls)
            function = {**calls[self.number]["function"], "arguments": {word: word}}
            calls[self.number] = {**calls[self.number], "function": function}
            messages[self.message] = replace(message, fields={**message.fields, "tool_calls": calls})
        else:
            messages[self.message] = replace(message, fields={**message.fields, self.field: word})
        return replace(conversation, messages=tuple(messages))


def message_parts(message: Message, index: int) -> list[Part]:
    """The parts of one message: its text, unless calls or thoughts stand in its place, and the others."""
    calls = [Part("tool_calls", index, number) for number in range(len(message.calls))]
    thoughts = [Part(name, index) for name in THOUGHTS if message.fields.get(name)]
    has_text = bool(message.text.strip()) or not (calls or thoughts)
    return ([Part("content", index)] if has_text else []) + calls + thoughts


def _parts(conversation: Conversation) -> list[Part]:
    """All parts of a conversation."""
    parts = [
        part for index, message in enumerate(conversation.messages) for part in message_parts(message, index)
    ]
    return parts + [Part("tools", number=number) for number in range(len(conversation.tools))]


def unused_word(text: str) -> str:
    """A word of letters and digits that a text does not hold."""
    number = 0
    while (word := f"annealword{number}x") in text:
        number += 1
    return word


def told(conversation: Conversation) -> str:
    """The beginning of a message about a conversation: where it was read, if that is known."""
    return f"{conversation.place}: " if conversation.place else ""


def refused(conversation: Conversation, refusal: TemplateRefusal) -> ConfigurationError:
    """The error of a conversation that the template refuses."""
    roles = ", ".join(message.role for message in conversation.messages[:10])
    return ConfigurationError(
        f"{told(conversation)}the chat template of the model refuses a conversation with the roles {roles}: "
        f"{refusal}; change these records, or the model's chat template",
        reason="InvalidRecord",
    )
