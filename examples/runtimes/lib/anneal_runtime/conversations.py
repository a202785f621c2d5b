"""Conversations as OpenAI's and Hugging Face's chat formats write them: roles, parts, tool calls, weights.

What is accepted and refused here is what the agent's `Record` accepts and refuses before any GPU is taken.
"""

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool")

THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""The names under which a message's reasoning is written."""

DEPTH_LIMIT = 64
"""How deep a record may nest."""

_UNUSABLE_OF_RECORD = {
    "functions": "use tools",
    "function_call": "use tools",
    "chat_template_kwargs": "set it in the model's chat template",
}
_UNUSABLE_OF_MESSAGE = {
    "function_call": "use tool_calls",
    "refusal": "write the refusal as content",
    "audio": "a text model has no use for it",
    "images": "a text model has no use for it",
    "videos": "a text model has no use for it",
}


@dataclass(frozen=True)
class Message:
    """One message. `fields` is what a chat template reads of it beside the role: content, tool_calls, and
    whatever else was written. `learnt` is whether an assistant's words count towards the loss."""

    role: str
    fields: dict[str, Any]
    learnt: bool = True

    @property
    def text(self) -> str:
        return self.fields.get("content") or ""

    @property
    def calls(self) -> list[dict[str, Any]]:
        return self.fields.get("tool_calls") or []

    @property
    def is_answer(self) -> bool:
        """Whether it is an assistant's message that counts towards the loss."""
        return self.role == "assistant" and self.learnt


@dataclass(frozen=True)
class Conversation:
    """Messages, and the tools that the assistant may call. `place` says where it was read, for people."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    place: str = field(default="", compare=False)

    @staticmethod
    def of(*messages: tuple[str, str], place: str = "") -> "Conversation":
        """A conversation of (role, text) pairs."""
        return Conversation(tuple(Message(role, {"content": text}) for role, text in messages), place=place)

    def before(self, index: int) -> "Conversation":
        """The messages before the one at `index`, with the same tools."""
        return replace(self, messages=self.messages[:index])


def parse_conversation(value: dict[str, Any], place: str) -> Conversation:
    """The conversation of a record of the format `messages`; ValueError says what is wrong with it."""
    _refuse(value, _UNUSABLE_OF_RECORD, "")
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError('"messages" must be a list that is not empty')
    parsed = tuple(_message(message, f"messages[{index}]") for index, message in enumerate(messages))
    if not any(message.role == "assistant" for message in parsed):
        raise ValueError('"messages" has no message of the role "assistant": there is nothing to learn')
    return Conversation(parsed, _tools(value.get("tools")), place)


def parse_json(text: str) -> Any:
    """JSON of RFC 8259 whose numbers are finite, whose strings are text and that nests at most 64 deep."""
    value = json.loads(text, parse_constant=_no_number)
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEPTH_LIMIT:
            raise ValueError(f"it nests deeper than {DEPTH_LIMIT} levels")
        if isinstance(item, str):
            item.encode()  # half of a surrogate pair, which JSON can express, is no text
        elif isinstance(item, (int, float)):
            _require_finite(item)
        elif isinstance(item, dict):
            waiting += [(key, depth) for key in item]
            waiting += [(member, depth + 1) for member in item.values()]
        elif isinstance(item, list):
            waiting += [(element, depth + 1) for element in item]
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _require_finite(number: float) -> None:
    try:
        if math.isfinite(float(number)):
            return
    except OverflowError:
        pass
    raise ValueError("a number in it is too large")


def _message(value: Any, path: str) -> Message:
    role = value.get("role") if isinstance(value, dict) else None
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"{path} needs a role, one of {', '.join(ROLES)}")
    _refuse(value, _UNUSABLE_OF_MESSAGE, f"{path}.")
    for name in THOUGHTS:
        if not isinstance(value.get(name), (str, type(None))):
            raise ValueError(f"{path}.{name} must be a string")
    fields = {key: item for key, item in value.items() if item is not None and key not in ("role", "weight")}
    calls = _calls(value.get("tool_calls"), f"{path}.tool_calls")
    fields.pop("tool_calls", None)
    if calls:
        if role != "assistant":
            raise ValueError(f"{path}.tool_calls: only the assistant calls tools, and this is the {role}'s")
        fields["tool_calls"] = calls
    if "content" in fields or not calls:
        fields["content"] = _content(value.get("content"), f"{path}.content")
    return Message(role, fields, _is_learnt(value.get("weight"), role, f"{path}.weight"))


def _is_learnt(weight: Any, role: str, path: str) -> bool:
    if weight is None:
        return True
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight not in (0, 1):
        raise ValueError(f"{path} must be 0 or 1")
    if role != "assistant" and weight != 0:
        raise ValueError(f"{path}: only what the assistant says is learnt, and this is the {role}'s")
    return weight == 1


def _content(content: Any, path: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path} must be a string, or a list of text parts that is not empty")
    texts = []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text":
            shown = f'of the type "{kind}"' if isinstance(kind, str) else "without a type"
            raise ValueError(
                f'{path}[{index}] is a part {shown}: only parts of the type "text" can be learnt')
        if not isinstance(part.get("text"), str):
            raise ValueError(f"{path}[{index}].text must be a string")
        texts.append(part["text"])
    return "".join(texts)


def _calls(calls: Any, path: str) -> list[dict[str, Any]]:
    if calls is None:
        return []
    if not isinstance(calls, list):
        raise ValueError(f"{path} must be a list")
    return [_call(call, f"{path}[{index}]") for index, call in enumerate(calls)]


def _call(call: Any, path: str) -> dict[str, Any]:
    """A call whose arguments are an object, as chat templates expect them, and not its text, as OpenAI writes
    it."""
    function = _function(call, path)
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments)
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, dict):
        raise ValueError(f"{path}.function.arguments must be an object, or a string that holds one as JSON")
    kept = {key: item for key, item in call.items() if item is not None}
    return {**kept, "type": "function", "function": {**function, "arguments": arguments}}


def _function(value: Any, path: str) -> dict[str, Any]:
    """The function of a call or of a tool."""
    if not isinstance(value, dict) or value.get("type") not in (None, "function"):
        raise ValueError(f'{path} must be an object of the type "function"')
    function = value.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise ValueError(f'{path}.function must be an object with a "name"')
    return function


def _tools(tools: Any) -> tuple[dict[str, Any], ...]:
    if isinstance(tools, str):
        try:
            tools = parse_json(tools)
        except (ValueError, RecursionError):
            raise ValueError('"tools" must be a list, or a string that holds one as JSON') from None
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise ValueError('"tools" must be a list, or a string that holds one as JSON')
    for index, tool in enumerate(tools):
        _function(tool, f"tools[{index}]")
    return tuple(tools)


def _refuse(value: dict[str, Any], unusable: dict[str, str], path: str) -> None:
    """Refuses what would change the meaning and could only be dropped."""
    for key, remedy in unusable.items():
        if value.get(key) is not None and value[key] != []:
            raise ValueError(f"{path}{key} cannot be learnt from: {remedy}")
