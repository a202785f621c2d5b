"""JSONL records: reading them by position, and their four formats as conversations."""

import hashlib
import json
from array import array
from dataclasses import dataclass

from .outcome import ConfigurationError

FORMATS = ("promptCompletion", "messages", "text", "preference")
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Conversation:
    """Messages as (role, content). The assistant's words are what a model learns or is scored on."""

    messages: tuple


@dataclass(frozen=True)
class PlainText:
    """A text without roles, learnt whole."""

    text: str


def parse_record(line, format):
    """The Conversation or PlainText of one JSON line; ValueError says what is wrong with it.

    Of a preference pair, the chosen answer is taken: supervised training has no use for the rejected one.
    """
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("a record must be a JSON object")
    if format == "text":
        return PlainText(_text(value, "text"))
    if format == "messages":
        return Conversation(tuple(_message(message) for message in _messages(value)))
    answer = "chosen" if format == "preference" else "completion"
    if format == "preference":
        _text(value, "rejected")
    return Conversation((("user", _text(value, "prompt")), ("assistant", _text(value, answer))))


def _text(value, key):
    text = value.get(key)
    if not isinstance(text, str):
        raise ValueError(f'"{key}" must be a string')
    text.encode()  # half of a surrogate pair, which JSON can express, is no text: a UnicodeEncodeError
    return text


def _messages(value):
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError('"messages" must be a list that is not empty')
    if not any(isinstance(message, dict) and message.get("role") == "assistant" for message in messages):
        raise ValueError('"messages" has no message of the role "assistant": there is nothing to learn')
    return messages


def _message(message):
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise ValueError(f"each message needs a role, one of {', '.join(ROLES)}")
    return message["role"], _text(message, "content")


class RecordFile:
    """A JSONL file: one line a record, blank lines left out, read from disk by index.

    Memory is 16 bytes a record, whatever the records' size. Opening reads the file once, so that a corrupt
    record is found before training and not hours into it. `digest` is the file's SHA-256.
    """

    def __init__(self, path, format, key):
        self.path = path
        self.format = format
        self._offsets = array("Q")
        self._lines = array("L")
        digest = hashlib.sha256()
        offset = 0
        try:
            self._file = open(path, "rb")
        except OSError as error:
            raise ConfigurationError(f"{key} is {path}: cannot be read: {error.strerror}") from None
        for number, line in enumerate(self._file, start=1):
            digest.update(line)
            if line.strip():
                self._parse(line, number)
                self._offsets.append(offset)
                self._lines.append(number)
            offset += len(line)
        self.digest = digest.hexdigest()
        if not self._offsets:
            raise ConfigurationError(f"{key} is {path}: it has no records", reason="EmptyDataset")

    def __len__(self):
        return len(self._offsets)

    def __getitem__(self, index):
        self._file.seek(self._offsets[index])
        return self._parse(self._file.readline(), self._lines[index])

    def _parse(self, line, number):
        try:
            return parse_record(line, self.format)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(
                f"{self.path}, line {number}: not a record of the format {self.format}: {error}; "
                "correct or remove the line",
                reason="InvalidRecord",
            ) from None
