"""The parts by themselves: records, prompts, data order, schedule, checkpoints."""

import json
import math
import os
from pathlib import Path

import checkpoint
import pytest
import torch
from anneal_runtime.conversations import Conversation
from anneal_runtime.outcome import ConfigurationError
from anneal_runtime.prompts import IGNORED, Prompts
from anneal_runtime.records import PlainText, RecordFile, parse_record
from batches import DataOrder, Position, share
from schedule import learning_rate
from transformers import AutoTokenizer

ANSWER = Conversation.of(("user", "p"), ("assistant", "c"))


@pytest.mark.parametrize(
    ("format", "record", "parsed"),
    [
        ("promptCompletion", {"prompt": "p", "completion": "c"}, ANSWER),
        ("preference", {"prompt": "p", "chosen": "c", "rejected": "r"}, ANSWER),
        ("messages", {"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}]},
         ANSWER),
        ("text", {"text": "t"}, PlainText("t")),
    ],
)
def test_each_format_parses(format, record, parsed):
    assert parse_record(json.dumps(record), format) == parsed


@pytest.mark.parametrize(
    ("format", "record"),
    [
        ("promptCompletion", {"prompt": "p"}),
        ("preference", {"prompt": "p", "chosen": "c"}),
        ("messages", {"messages": []}),
        ("messages", {"messages": [{"role": "user", "content": "p"}]}),
        ("messages", {"messages": [{"role": "assistant", "content": 1}]}),
        ("text", {"text": None}),
    ],
)
def test_a_record_that_lacks_something_is_refused(format, record):
    with pytest.raises(ValueError):
        parse_record(json.dumps(record), format)


RECORDS = [json.loads(line) for line in (Path(__file__).parent / "records.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["line"][:80])
def test_what_a_record_may_be_is_what_the_agent_takes_too(record):
    """The agent's own tests read the same table: `problem` is part of the message, null of a good record."""
    if record["problem"] is None:
        parse_record(record["line"], record["format"])
    else:
        with pytest.raises(ValueError) as error:
            parse_record(record["line"], record["format"])
        assert record["problem"] in str(error.value)


def test_records_are_read_by_index_and_blank_lines_are_none(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes('{"text": "é"}\n\n  \n{"text": "b"}\r\n{"text": "c"}'.encode())
    records = RecordFile(str(path), "text", "data.train")
    assert [records[index].text for index in (2, 0, 1)] == ["c", "é", "b"]
    assert len(records) == 3


@pytest.fixture(params=["chat template", "plain template"])
def prompts(request, model):
    tokenizer = AutoTokenizer.from_pretrained(model)
    if request.param == "plain template":
        tokenizer.chat_template = None
    return tokenizer, Prompts(tokenizer)


def test_only_the_answers_are_learnt(prompts):
    tokenizer, prompts = prompts
    record = Conversation.of(("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four"))
    example = prompts.example(record, 1000)
    assert len(example.ids) == len(example.labels)
    assert all(label in (IGNORED, token) for token, label in zip(example.ids, example.labels))
    assert tokenizer.decode([label for label in example.labels if label != IGNORED]) == "two</s>four</s>"


def test_what_is_learnt_follows_exactly_what_is_asked(prompts):
    _, prompts = prompts
    example = prompts.example(ANSWER, 1000)
    first = next(index for index, label in enumerate(example.labels) if label != IGNORED)
    assert example.ids[:first] == prompts.question(ANSWER.before(1), 1000)


def test_an_answer_to_nothing_is_learnt_and_can_be_asked_for(prompts):
    tokenizer, prompts = prompts
    record = Conversation.of(("assistant", "hello"))
    labels = prompts.example(record, 1000).labels
    assert "hello</s>" in tokenizer.decode([label for label in labels if label != IGNORED])
    assert prompts.question(record.before(0), 1000)


def test_a_chat_template_that_refuses_a_conversation_is_the_users_error(prompts):
    tokenizer, prompts = prompts
    if tokenizer.chat_template:
        tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
        with pytest.raises(ConfigurationError, match="roles must alternate"):
            prompts.question(ANSWER.before(1), 1000)


def test_plain_text_is_learnt_whole_and_long_text_is_cut(prompts):
    tokenizer, prompts = prompts
    example = prompts.example(PlainText("abc"), 1000)
    assert example.labels == example.ids
    assert tokenizer.decode(example.ids) == "abc</s>"
    assert len(prompts.example(PlainText("abc" * 50), 16).ids) == 16


def test_an_epoch_deals_every_record_once_to_one_process():
    order = DataOrder(records=23, seed=3, step_size=4)
    position, dealt = Position(), []
    for _ in range(order.steps_per_epoch):
        chosen, position = order.step(position)
        for rank in range(2):
            dealt += [index for batch in share(chosen, rank, 2, 2) for index in batch]
    assert sorted(dealt) == list(range(23))
    assert position == Position(1, 0)
    assert order.step(position)[0] != DataOrder(23, 3, 4).step(Position())[0]
    assert DataOrder(23, 4, 4).step(Position())[0] != DataOrder(23, 3, 4).step(Position())[0]


@pytest.mark.parametrize(
    ("epochs", "max_steps", "total"),
    [(1, None, 6), (3, None, 18), (3, 10, 10), (0.5, None, 3), (0.01, None, 1)],
)
def test_total_steps(epochs, max_steps, total):
    assert DataOrder(23, 3, 4).total_steps(epochs, max_steps) == total


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [("cosine", 0, 0.25), ("cosine", 3, 1.0), ("cosine", 4, 1.0), ("cosine", 9, 0.5), ("linear", 9, 0.5),
     ("linear", 13, 0.1), ("constant", 13, 1.0)],
)
def test_learning_rate(schedule, step, rate):
    assert math.isclose(learning_rate(step, 1.0, schedule, warmup_steps=4, total_steps=14), rate)


CALLS = ("save_file", "torch.save", "_flush", "os.rename")


@pytest.mark.parametrize("failing", CALLS)
def test_a_save_that_fails_leaves_no_checkpoint_and_keeps_the_old_one(tmp_path, monkeypatch, failing):
    weights = {"w": torch.nn.Parameter(torch.ones(2))}
    optimiser = torch.optim.AdamW(weights.values())
    arguments = (weights, optimiser, torch.amp.GradScaler("cpu", enabled=False), [])
    old = checkpoint.save(str(tmp_path), {"step": 1}, *arguments)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    owner = {"torch.save": torch, "os.rename": os}.get(failing, checkpoint)
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(owner, failing.split(".")[-1], fail)
        checkpoint.save(str(tmp_path), {"step": 2}, *arguments)
    assert {path.name for path in tmp_path.iterdir()} <= {"step-1", "step-2.tmp"}
    assert checkpoint.load_state(old)["step"] == 1

    checkpoint.remove_partial(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"step-1"}


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path):
    weights = {"w": torch.nn.Parameter(torch.ones(2))}
    arguments = (weights, torch.optim.AdamW(weights.values()), torch.amp.GradScaler("cpu", enabled=False), [])
    for attempt in (1, 2):
        folder = checkpoint.save(str(tmp_path), {"step": 5, "attempt": attempt}, *arguments)
    assert checkpoint.load_state(folder)["attempt"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["step-5"]
