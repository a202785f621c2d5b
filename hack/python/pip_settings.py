#!/usr/bin/env python3
"""Prints, as lines for a shell to evaluate, the settings of pip on this machine under the names by which uv takes them.

uv reads no configuration of pip. Where pip was told of a mirror, a folder of wheels or a certificate, uv is to use
them too. A variable of uv that is set already is left alone. Run it with a Python that has pip.
"""

import ast
import os
import shlex
import subprocess
import sys

# pip's option, uv's variable, and what stands between several values of it.
NAMES = [
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
]


def settings(listing: str) -> dict[str, str]:
    """Options by name, out of `pip config list`. The environment wins over `install`, and that over `global`."""
    found: dict[tuple[int, str], str] = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        rank = {"global": 0, "install": 1, ":env:": 2}.get(section)
        if rank is not None and value:
            found[rank, option.replace("_", "-")] = ast.literal_eval(value)
    return {option: value for (_, option), value in sorted(found.items())}


def main():
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    values = settings(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for option, variable, separator in NAMES:
        if values.get(option) and variable not in os.environ:
            print(f"export {variable}={shlex.quote(separator.join(values[option].split()))}")


if __name__ == "__main__":
    main()
