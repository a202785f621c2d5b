"""Reading the JSON configuration: every error names the key, the value and the remedy."""

import json
import math
import os

from .outcome import ConfigurationError

_REQUIRED = object()


def load_configuration():
    """The root section of the file that ANNEAL_CONFIG names."""
    path = os.environ.get("ANNEAL_CONFIG")
    if not path:
        raise ConfigurationError("ANNEAL_CONFIG is not set: it must name the JSON configuration file")
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except OSError as error:
        raise ConfigurationError(f"ANNEAL_CONFIG: cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"ANNEAL_CONFIG: {path} is not JSON: {error}") from None
    return Section(value, "")


class Section:
    """One JSON object of the configuration. A key that is absent and one that is null are the same."""

    def __init__(self, value, path):
        if not isinstance(value, dict):
            raise ConfigurationError(f"{path or 'the configuration'} is {_show(value)}: it must be an object")
        self._values = value
        self._path = path

    def _name(self, key):
        return f"{self._path}.{key}" if self._path else key

    def fail(self, key, remedy):
        """Raises a ConfigurationError about one key of this section."""
        raise ConfigurationError(f"{self._name(key)} is {_show(self._values.get(key))}: {remedy}")

    def _get(self, key, default):
        value = self._values.get(key)
        if value is None and default is _REQUIRED:
            raise ConfigurationError(f"{self._name(key)} is missing: it is required")
        return default if value is None else value

    def string(self, key, default=_REQUIRED):
        value = self._get(key, default)
        if value is not default and (not isinstance(value, str) or not value):
            self.fail(key, "it must be a string that is not empty")
        return value

    def choice(self, key, options, default=_REQUIRED):
        value = self._get(key, default)
        if value not in options:
            self.fail(key, f"it must be one of {', '.join(options)}")
        return value

    def integer(self, key, default=_REQUIRED, minimum=0, maximum=2**53):
        value = self._get(key, default)
        if value is default:
            return value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            self.fail(key, f"it must be a whole number from {minimum} to {maximum}")
        return value

    def number(self, key, default=_REQUIRED, minimum=0.0, maximum=math.inf, above=None):
        value = self._get(key, default)
        if value is default:
            return value
        valid = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if valid and above is not None and value <= above:
            self.fail(key, f"it must be above {above}")
        if not valid or not minimum <= value <= maximum:
            limit = "" if math.isinf(maximum) else f" and at most {maximum}"
            self.fail(key, f"it must be a finite number, at least {minimum}{limit}")
        return float(value)

    def strings(self, key, default):
        value = self._get(key, default)
        if value is not default and (
            not isinstance(value, list) or not value or not all(isinstance(x, str) and x for x in value)
        ):
            self.fail(key, "it must be a list of strings that is not empty")
        return value

    def section(self, key, default=_REQUIRED):
        value = self._get(key, default)
        return Section(value, self._name(key))

    def parameters(self, known, key="parameters"):
        """A map from string to string whose keys must all be in `known`, as a Section over it.

        A parameter that nobody reads is refused: a misspelt name would otherwise cost a whole training.
        """
        section = self.section(key, {})
        for name, value in section._values.items():
            if name not in known:
                section.fail(name, f"this program knows only {', '.join(sorted(known)) or 'no parameters'}")
            if value is not None and not isinstance(value, str):
                section.fail(name, "a parameter must be a string")
        return section

    def flag(self, key, default=False):
        """A parameter "true" or "false"."""
        return self.choice(key, ("true", "false"), "true" if default else "false") == "true"

    def decimal(self, key, default, minimum=0, maximum=2**53):
        """A parameter that is a whole number, written as a string."""
        value = self._get(key, None)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            self.fail(key, f"it must be a whole number from {minimum} to {maximum}, as a string")
        return int(value)

    def reject_unknown(self, known):
        """Refuses keys that this program does not read."""
        for key in self._values:
            if key not in known:
                self.fail(key, f"no such key; known here are {', '.join(sorted(known))}")


def _show(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
