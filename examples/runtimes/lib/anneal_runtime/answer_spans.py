"""Where in the text of a whole conversation the answers are that count towards the loss.

The text is always the chat template's own of the whole conversation. A template that marks what the assistant
says is believed. Else the answers are found turn by turn, each in a way that is checked against the whole:
templates drop old thoughts, move the system's text before the newest question, or end only the last turn with
a token, so that the text of the first turns alone is often no beginning of the whole.
"""

from .chat_template import ChatTemplate, TemplateRefusal, message_parts, refused, told, unused_word
from .conversations import Conversation
from .outcome import ConfigurationError

Span = tuple[int, int]


def answer_spans(template: ChatTemplate, conversation: Conversation) -> tuple[str, list[Span]]:
    """The text of a conversation, and the (start, end) of each answer in it that counts, in order."""
    text = template.whole(conversation)
    answers = [index for index, message in enumerate(conversation.messages) if message.is_answer]
    if not answers:
        return text, []
    if template.has_generation_marks(conversation):
        return _marked(template, conversation)
    turns = _Turns(template, conversation, text)
    spans = [turns.trimmed(turns.span(index)) for index in answers]
    for (_, end), (start, _) in zip(spans, spans[1:]):
        if start < end:
            raise _unclear(conversation, "the answers overlap in its text")
    return text, spans


def _marked(template: ChatTemplate, conversation: Conversation) -> tuple[str, list[Span]]:
    """The answers that the template marks. Which mark is whose matters only where some do not count."""
    try:
        text, spans = template.render_marked(conversation)
    except TemplateRefusal as refusal:
        raise refused(conversation, refusal) from None
    said = [message for message in conversation.messages if message.role == "assistant"]
    spans = [(start, end) for start, end in spans if start < end]
    if not spans:
        raise _unclear(conversation, "its {% generation %} marks enclose nothing")
    if all(message.learnt for message in said):
        return text, spans
    if len(spans) != len(said):
        raise _unclear(
            conversation, f"it marks {len(spans)} places for {len(said)} messages of the assistant, so that "
            "the mark of a message of weight 0 cannot be told")
    return text, [span for span, message in zip(spans, said) if message.learnt]


class _Turns:
    """Finds answers in the text of one conversation."""

    def __init__(self, template: ChatTemplate, conversation: Conversation, text: str) -> None:
        self._template = template
        self._conversation = conversation
        self._text = text
        self._word = unused_word(text)

    def span(self, index: int) -> Span:
        """The answer at `index`: from where the template asks for it to the end of its turn."""
        asked = self._rendered(self._conversation.before(index), answer_next=True)
        answered = self._rendered(self._conversation.before(index + 1))
        if asked and answered and answered.startswith(asked) and self._text.startswith(answered):
            return len(asked), len(answered)
        place = self._place(self._conversation, self._text, index)
        if place is None:
            raise _unclear(self._conversation, f"messages[{index}] cannot be found in its text")
        return self._start(index, asked, place[0]), self._end(index, answered, place[1])

    def trimmed(self, span: Span) -> Span:
        """The answer without the white space behind its end token: generated, it ends with the token."""
        start, end = span
        said = self._text[start:end].rstrip()
        return (start, start + len(said)) if said.endswith(tuple(self._template.end_tokens)) else span

    def _rendered(self, conversation: Conversation, answer_next: bool = False) -> str | None:
        try:
            return self._template.render(conversation, answer_next)
        except TemplateRefusal:
            return None

    def _place(
        self, conversation: Conversation, text: str, index: int, answer_next: bool = False
    ) -> Span | None:
        """Where in a conversation's text the message at `index` is: what changes when its words do."""
        changed = conversation
        for part in message_parts(conversation.messages[index], index):
            changed = part.replaced(changed, self._word)
        other = self._rendered(changed, answer_next)
        if other is None or self._word not in other:
            return None
        first, last = other.index(self._word), other.rindex(self._word) + len(self._word)
        start = min(_shared_start(text, other), first)
        after = min(_shared_end(text, other), len(other) - last, len(text) - start)
        return start, len(text) - after

    def _start(self, index: int, asked: str | None, words: int) -> int:
        """Where the answer begins: behind what asks for it, as far as the whole goes on like that. Where the
        question cannot be followed: at `words`, with the answer's own words, if nothing is before them."""
        question = self._conversation.before(index)
        alone = self._place(question, asked, index - 1, answer_next=True) if asked else None
        among = self._place(self._conversation, self._text, index - 1) if alone else None
        if asked and alone and among:
            header = asked[alone[1] :]
            shared = header[: _shared_start(header, self._text[among[1] : words])]
            if shared != header:
                shared = shared[: self._boundary(shared)]
            if shared or not header:
                return among[1] + len(shared)
        if any(part.field != "content" for part in message_parts(self._conversation.messages[index], index)):
            raise _unclear(
                self._conversation, f"the beginning of messages[{index}] cannot be found in its text")
        return words

    def _boundary(self, text: str) -> int:
        """The last place in a text behind white space or a token of its own: what comes after it is cut."""
        ends = [text.rfind(token) + len(token) for token in self._template.own_tokens if token in text]
        spaces = [place + 1 for place, character in enumerate(text) if character.isspace()]
        return max([0, *ends, *spaces[-1:]])

    def _end(self, index: int, answered: str | None, end: int) -> int:
        """Where the answer's turn ends: as it does where nothing follows; at least with the same token."""
        alone = None
        if answered is not None:
            alone = self._place(self._conversation.before(index + 1), answered, index)
        if answered is None or alone is None:
            raise _unclear(self._conversation, f"the end of messages[{index}] cannot be found in its text")
        tail = answered[alone[1] :]
        if self._text.startswith(tail, end):
            return end + len(tail)
        shared = end + _shared_start(tail, self._text[end:])
        ends = [self._text.rfind(token, end, shared) + len(token)
                for token in self._template.end_tokens if token in self._text[end:shared]]
        if not ends:
            raise _unclear(self._conversation, f"messages[{index}] ends otherwise where more follows")
        return max(ends)


def _shared_start(first: str, second: str) -> int:
    """How many characters two texts share at their start."""
    least, most = 0, min(len(first), len(second))
    while least < most:
        middle = (least + most + 1) // 2
        if first[least:middle] == second[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _shared_end(first: str, second: str) -> int:
    """How many characters two texts share at their end."""
    least, most = 0, min(len(first), len(second))
    while least < most:
        middle = (least + most + 1) // 2
        if first.endswith(second[len(second) - middle : len(second) - least], 0, len(first) - least):
            least = middle
        else:
            most = middle - 1
    return least


def _unclear(conversation: Conversation, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{told(conversation)}it cannot be told what of the chat template's text the assistant says: "
        f"{problem}; mark it with {{% generation %}} and {{% endgeneration %}} in the model's chat template, "
        "or split the conversation into one record an answer",
        reason="UnsupportedChatTemplate",
    )
