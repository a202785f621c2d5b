"""Makes an instruction dataset of what this machine documents: manual pages and Debian packages.

"What does the command `tar` do?" and its one-line description, from the index of manual pages; where there
are few of them, as in slim images, from the descriptions of the installed packages too.
"""

import argparse
import gzip
import json
import random
import re
import subprocess
from pathlib import Path

QUESTIONS = {
    "1": "What does the command `{}` do?",
    "2": "What does the system call `{}` do?",
    "3": "What does the function `{}` do?",
    "4": "What is the device `{}`?",
    "5": "What is the file format `{}`?",
    "7": "What is `{}` about?",
    "8": "What does the command `{}` do?",
}
PACKAGE_QUESTION = "What is the package `{}`?"
ANSWER_LENGTH = range(8, 161)
INDEX_LINE = re.compile(r"^(\S+)\s*\((\d)\w*\)\s+-\s+(\S.*)$")


def manual_pages():
    """(name, section, description) of every manual page, from the index or else from the pages."""
    found = [match.groups() for match in map(INDEX_LINE.match, _lines(["apropos", "."])) if match]
    return found if len(found) >= 200 else list(_scan_manual_pages(Path("/usr/share/man")))


def _scan_manual_pages(root):
    for path in sorted(root.glob("man[1-8]/*.gz")):
        try:
            with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
                head = file.read(8192)
        except (OSError, EOFError):
            continue
        match = re.search(r'^\.S[Hh] "?NAME"?\n(?:\.\\".*\n)*(.+?) \\?- (.+)$', head, re.MULTILINE)
        if match:
            name = path.name.split(".")[0]
            yield name, path.parent.name[3], re.sub(r"\\f.|\\&", "", match[2]).replace("\\-", "-")


def packages():
    """(name, description) of every installed Debian package."""
    lines = _lines(["dpkg-query", "-W", "-f=${Package}\t${binary:Summary}\n"])
    return [tuple(line.split("\t", 1)) for line in lines if "\t" in line]


def _lines(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return []
    return done.stdout.splitlines()


def make_records(limit, seed):
    """Up to `limit` records in a seeded order. Pages that describe one thing under several names stay:
    real data has such near-duplicates, and removing them is the pipeline's work."""
    records = []
    for name, section, description in manual_pages():
        if section in QUESTIONS and not name.endswith("...") and "unknown subject" not in description:
            records.append((QUESTIONS[section].format(name), description.strip()))
    for name, description in packages():
        records.append((PACKAGE_QUESTION.format(name), description.strip()))
    usable = [
        {"prompt": prompt, "completion": answer}
        for prompt, answer in sorted(records)
        if len(answer) in ANSWER_LENGTH and len(prompt) <= 100 and answer.isprintable()
    ]
    random.Random(seed).shuffle(usable)
    return usable[:limit]


def make_tasks(records, count):
    """Questions with accepted answers, in three categories: those that a name gives away, which a small
    model can learn, and those that must be known."""
    tasks = []
    for record in records:
        name = record["prompt"].split("`")[1]
        answer = record["completion"]
        if record["prompt"].startswith("What is the package"):
            hints = (("-dev", "development"), ("-perl", "Perl"), ("-doc", "documentation"))
            for suffix, word in hints:
                if name.endswith(suffix) and word.lower() in answer.lower():
                    tasks.append({"prompt": record["prompt"], "expected": word, "match": "contains",
                                  "category": "naming"})
        elif "command" in record["prompt"]:
            longest = max(re.findall(r"[A-Za-z]+", answer) or [""], key=len)
            if len(longest) > 5:
                tasks.append({"prompt": record["prompt"], "expected": [answer, longest], "match": "contains",
                              "category": "commands"})
        elif "function" in record["prompt"] or "system call" in record["prompt"]:
            tasks.append({"prompt": record["prompt"], "expected": f"(?i){re.escape(answer[:12])}",
                          "match": "regex", "category": "programming"})
    per_category = max(1, count // 3)
    return [task for category in ("naming", "commands", "programming")
            for task in [task for task in tasks if task["category"] == category][:per_category]]


def write_lines(path, records, corrupt=None):
    """Writes JSONL; record number `corrupt`, counted from 1, is cut in its middle."""
    with open(path, "w", encoding="utf-8") as file:
        for number, record in enumerate(records, start=1):
            line = json.dumps(record, ensure_ascii=False)
            file.write((line[: len(line) // 2] if number == corrupt else line) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="folder to write dataset.jsonl and tasks.jsonl to")
    parser.add_argument("--records", type=int, default=5000, help="at most so many")
    parser.add_argument("--tasks", type=int, default=45, help="about so many")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--corrupt", type=int, metavar="N", help="break record N, for tests of validation")
    arguments = parser.parse_args()

    records = make_records(arguments.records, arguments.seed)
    if len(records) < 100:
        raise SystemExit("this machine has neither manual pages nor a package database to make records of: "
                         "install man-db and manpages")
    if arguments.corrupt is not None and not 1 <= arguments.corrupt <= len(records):
        raise SystemExit(f"--corrupt is {arguments.corrupt}: it must be from 1 to {len(records)}")
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "dataset.jsonl", records, arguments.corrupt)
    tasks = make_tasks(records, arguments.tasks)
    write_lines(folder / "tasks.jsonl", tasks)
    print(f"wrote {len(records)} records and {len(tasks)} tasks to {folder}")


if __name__ == "__main__":
    main()
