"""JSONL records: reading them by position, and their four formats as conversations or plain text."""

import hashlib
from array import array
from dataclasses import dataclass, field
from typing import Any

from .conversations import Conversation, parse_conversation, parse_json
from .outcome import ConfigurationError

FORMATS = ("promptCompletion", "messages", "text", "preference")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class PlainText:
    """A text without roles, learnt whole. `place` says where it was read, for people."""

    text: str
    place: str = field(default="", compare=False)


def parse_record(line: bytes | str, format: str, place: str = "") -> Conversation | PlainText:
    """The Conversation or PlainText of one JSON line; ValueError says what is wrong with it.

    Of a preference pair, the chosen answer is taken: supervised training has no use for the rejected one.
    """
    value = parse_json(line if isinstance(line, str) else line.decode())
    if not isinstance(value, dict):
        raise ValueError("a record must be a JSON object")
    if format == "text":
        return PlainText(_text(value, "text"), place)
    if format == "messages":
        return parse_conversation(value, place)
    answer = "chosen" if format == "preference" else "completion"
    if format == "preference":
        _text(value, "rejected")
    return Conversation.of(("user", _text(value, "prompt")), ("assistant", _text(value, answer)), place=place)


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise ValueError(f'"{key}" must be a string')
    return text


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
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        try:
            return parse_record(line, self.format, f"{self.path}, line {number}")
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(
                f"{self.path}, line {number}: not a record of the format {self.format}: {error}; "
                "correct or remove the line",
                reason="InvalidRecord",
            ) from None
