"""Task files: JSONL of prompts with the answers that are accepted."""

import json
import re
from dataclasses import dataclass

from anneal_runtime.outcome import ConfigurationError
from matching import MATCHES, last_number

_CATEGORY = re.compile(r"[A-Za-z0-9_.-]{1,63}")


@dataclass(frozen=True)
class Task:
    """One question. `category` is None or a name that becomes part of a metric's name."""

    prompt: str
    expected: tuple
    match: str
    category: str | None


def read_tasks(path, limit):
    """The first `limit` tasks of a file, all of them for None."""
    tasks = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if limit is not None and len(tasks) == limit:
                    break
                if line.strip():
                    tasks.append(_parse(line, path, number))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"suite.data is {path}: cannot be read: {error}") from None
    if not tasks:
        raise ConfigurationError(f"suite.data is {path}: it has no tasks", reason="EmptyDataset")
    return tasks


def _parse(line, path, number):
    try:
        return _task(json.loads(line))
    except (ValueError, RecursionError, re.error) as error:
        raise ConfigurationError(
            f"{path}, line {number}: not a task: {error}; correct or remove the line", reason="InvalidRecord"
        ) from None


def _task(value):
    if not isinstance(value, dict) or not isinstance(value.get("prompt"), str):
        raise ValueError('it must be an object with a string "prompt"')
    value["prompt"].encode()  # half of a surrogate pair is no text
    expected = value.get("expected")
    expected = [expected] if isinstance(expected, str) else expected
    if not isinstance(expected, list) or not expected or not all(isinstance(x, str) for x in expected):
        raise ValueError('"expected" must be a string or a list of strings that is not empty')
    match = value.get("match", "exact")
    if match not in MATCHES:
        raise ValueError(f'"match" is {match!r}: it must be one of {", ".join(MATCHES)}')
    if match == "regex":
        for pattern in expected:
            re.compile(pattern)
    if match == "numeric" and any(last_number(text) is None for text in expected):
        raise ValueError('"expected" holds no number, but "match" is numeric')
    category = value.get("category")
    if category is not None and (not isinstance(category, str) or not _CATEGORY.fullmatch(category)):
        raise ValueError('"category" must be up to 63 letters, digits, dots, hyphens and underscores')
    return Task(value["prompt"], tuple(expected), match, category)
