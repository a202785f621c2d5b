"""The demonstration's dataset and base model."""

import json
import sys

import make_base_model
import make_dataset
import pytest
from transformers import AutoTokenizer


def test_the_tokenizer_has_one_token_a_byte(model):
    tokenizer = AutoTokenizer.from_pretrained(model)
    text = "tar(1) – Ünïcode\n\t\x00  end"
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert len(ids) == len(text.encode())
    assert tokenizer.decode(ids) == text
    assert len(tokenizer) == 256 + len(make_base_model.SPECIAL_TOKENS)


def test_the_same_arguments_give_the_same_model(tmp_path, monkeypatch):
    text = tmp_path / "text.jsonl"
    text.write_text(json.dumps({"completion": "to archive files " * 20}) + "\n")
    for name in ("a", "b"):
        arguments = [str(tmp_path / name), "--hidden", "16", "--layers", "1", "--heads", "2",
                     "--text", str(text), "--pretrain-steps", "3"]
        monkeypatch.setattr(sys, "argv", ["make_base_model.py", *arguments])
        make_base_model.main()
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


INDEX = """tar (1)              - an archiving utility
open (2)             - open and possibly create a file
long-name... (1)     - an abbreviated name
gcloud (1)           - (unknown subject)
short (1)            - x
"""


@pytest.fixture
def documented(monkeypatch):
    """A machine with a small index of manual pages and two packages."""
    package_lines = ["tar\tGNU version of the tar archiving utility",
                     "libtar-dev\tC library (development files)"]

    def lines(command):
        return INDEX.splitlines() * 100 if command[0] == "apropos" else package_lines

    monkeypatch.setattr(make_dataset, "_lines", lines)


def test_records_come_from_manual_pages_and_packages(documented):
    records = make_dataset.make_records(10_000, seed=1)
    assert {json.dumps(record) for record in records} == {json.dumps(record) for record in (
        {"prompt": "What does the command `tar` do?", "completion": "an archiving utility"},
        {"prompt": "What does the system call `open` do?", "completion": "open and possibly create a file"},
        {"prompt": "What is the package `tar`?", "completion": "GNU version of the tar archiving utility"},
        {"prompt": "What is the package `libtar-dev`?", "completion": "C library (development files)"},
    )}
    assert records == make_dataset.make_records(10_000, seed=1)
    assert len(make_dataset.make_records(3, seed=1)) == 3


def test_tasks_have_what_the_evaluator_reads(documented, tmp_path):
    sys.path.append(str(make_dataset.Path(make_dataset.__file__).parent.parent / "evaluate"))
    from tasks import read_tasks

    tasks = make_dataset.make_tasks(make_dataset.make_records(10_000, seed=1), 9)
    make_dataset.write_lines(tmp_path / "tasks.jsonl", tasks)
    assert {task.category for task in read_tasks(str(tmp_path / "tasks.jsonl"), None)} == {
        "naming", "commands", "programming"
    }


def test_one_record_can_be_broken(tmp_path):
    records = [{"prompt": str(n), "completion": "x"} for n in range(4)]
    make_dataset.write_lines(tmp_path / "data.jsonl", records, corrupt=3)
    lines = (tmp_path / "data.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines[:2] + lines[3:]] == records[:2] + records[3:]
    with pytest.raises(ValueError):
        json.loads(lines[2])
