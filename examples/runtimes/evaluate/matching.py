"""Whether an answer is right: the four ways to compare it with what was expected."""

import math
import re

MATCHES = ("exact", "contains", "regex", "numeric")

NUMERIC_TOLERANCE = 1e-6
"""Relative, and for numbers near 0 absolute."""

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def normalise(text):
    """The text without outer white space, and each run of it inside as one blank."""
    return " ".join(text.split())


def last_number(text):
    """The last number in a text, for an answer ends with its result; None if there is none."""
    found = _NUMBER.findall(text)
    try:
        return float(found[-1].replace(",", "")) if found else None
    except ValueError:
        return None


def matches(answer, expected, match):
    """Whether the answer matches any of the accepted strings. Case counts; white space is normalised."""
    return any(_matches(answer, accepted, match) for accepted in expected)


def _matches(answer, accepted, match):
    if match == "exact":
        return normalise(answer) == normalise(accepted)
    if match == "contains":
        return normalise(accepted) in normalise(answer)
    if match == "regex":
        return re.search(accepted, answer) is not None
    given, wanted = last_number(answer), last_number(accepted)
    if given is None or wanted is None:
        return False
    return math.isclose(given, wanted, rel_tol=NUMERIC_TOLERANCE, abs_tol=NUMERIC_TOLERANCE)
