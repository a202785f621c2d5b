"""How runs end badly: exit codes, and messages that name the key, the value and the remedy."""

import json
import sys

import pytest
from anneal_runtime import outcome
from conftest import TRAIN


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"method": "ppo"}, ["method", '"ppo"', "lora, qlora, full"]),
        ({"method": None}, ["method is missing"]),
        ({"method": "qlora"}, ["method is qlora", "CUDA GPU", "use lora"]),
        ({"model": {"path": "/nowhere"}}, ["model.path is /nowhere", "config.json"]),
        ({"model": 7}, ["model is 7", "must be an object"]),
        ({"data": {"train": "/nowhere.jsonl"}}, ["data.train is /nowhere.jsonl", "cannot be read"]),
        ({"data": {"train": "x", "format": "csv"}}, ["data.format", '"csv"', "promptCompletion"]),
        ({"hyperparameters": {"learningRate": 0}}, ["hyperparameters.learningRate is 0", "above 0"]),
        ({"hyperparameters": {"learningRate": "1e-4"}}, ["learningRate", '"1e-4"', "finite number"]),
        ({"hyperparameters": {"batchSize": -1}}, ["hyperparameters.batchSize is -1", "from 1"]),
        ({"hyperparameters": {"batchSize": True}}, ["batchSize is true", "whole number"]),
        ({"hyperparameters": {"loraDropout": 1}}, ["loraDropout", "below 1"]),
        ({"hyperparameters": {"loraTargetModules": []}}, ["loraTargetModules is []", "not empty"]),
        ({"hyperparameters": {"loraTargetModules": ["nope"]}}, ["loraTargetModules is nope"]),
        ({"hyperparameters": {"batchsize": 4}}, ["hyperparameters.batchsize", "no such key"]),
        ({"hyperparameters": {"precision": "fp16"}}, ["precision is fp16", "bf16 or fp32"]),
        ({"parameters": {"unknown": "x"}}, ["parameters.unknown", "gradientCheckpointing"]),
        ({"parameters": {"evaluationRecords": "-1"}}, ["parameters.evaluationRecords", "whole number"]),
        ({"checkpoint": {"everySteps": 1.5}}, ["checkpoint.everySteps is 1.5", "whole number"]),
    ],
)
def test_wrong_configuration_exits_2_and_says_why(new_run, change, parts):
    run = new_run()
    configuration = json.loads((run.folder / "config.json").read_text())
    run.configure(**(configuration | change))
    assert run.finish(run.start()) == 2, run.log()
    for part in parts:
        assert part in run.result()["message"]
        assert part in run.log()
    assert not run.checkpoints.exists() or not any(run.checkpoints.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "7"])
def test_a_configuration_that_is_not_an_object_exits_2(new_run, content):
    run = new_run()
    (run.folder / "config.json").write_text(content)
    assert run.finish(run.start()) == 2
    assert run.result()["reason"] == "InvalidConfiguration"


@pytest.mark.parametrize("variables", [{"WORLD_SIZE": "two"}, {"WORLD_SIZE": 2}, {"RANK": 1}])
def test_a_group_that_cannot_form_exits_2(new_run, variables):
    run = new_run()
    assert run.finish(run.start(**variables)) == 2
    assert next(iter(variables)) in run.result()["message"]


@pytest.mark.parametrize(
    "line", ['{"prompt": "x"}', "[1]", "not json", '{"prompt": "x", "completion": "\\ud800"}', "[" * 100_000]
)
def test_a_corrupt_record_is_named_by_its_line(new_run, line):
    good = json.dumps({"prompt": "a", "completion": "b"})
    run = new_run(records=[good] * 4 + [line, good])
    assert run.finish(run.start()) == 2
    assert run.result()["reason"] == "InvalidRecord"
    assert "train.jsonl, line 5" in run.result()["message"]


def test_a_loss_that_stays_not_finite_exits_3_and_no_json_holds_nan(new_run, broken_model):
    run = new_run()
    configuration = json.loads((run.folder / "config.json").read_text())
    run.configure(**(configuration | {"model": {"path": str(broken_model)}}))
    assert run.finish(run.start()) == 3
    assert run.result()["reason"] == "LossNotFinite"
    assert "learningRate" in run.result()["message"]
    lines = run.metrics()
    assert [step for step, evaluated in lines if not evaluated] == [1, 2, 3]
    assert all(line["nonFinite"] and line["loss"] is None for line in lines.values())


def test_sigterm_before_the_first_step_exits_75(new_run):
    run = new_run()
    process = run.start(command=[sys.executable, str(TRAIN)])
    run.wait_for(process, lambda: catches_sigterm(process.pid))
    process.terminate()
    assert run.finish(process) == 75
    assert not (run.folder / "output").exists()


def test_the_launcher_keeps_the_exit_code_of_a_failed_process(new_run):
    run = new_run(method="qlora")
    process = run.start(command=[sys.executable, str(TRAIN)], NPROC_PER_NODE=2)
    assert run.finish(process) == 2
    assert run.result()["reason"] == "UnsupportedMethod"


def test_the_result_is_written_in_place(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_text("older and longer than what follows")
    inode = path.stat().st_ino
    monkeypatch.setenv("ANNEAL_RESULT", str(path))
    outcome.write_result({"steps": 1})
    assert path.read_text() == '{"steps": 1}'
    assert path.stat().st_ino == inode


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_result(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_text('{"reason": "Error", "message": "longer than what follows, and of another process"}')
    monkeypatch.setenv("ANNEAL_RESULT", str(path))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(outcome.os, "ftruncate", killed)
    with pytest.raises(KeyboardInterrupt):
        outcome.write_result({"steps": 1})
    assert json.loads(path.read_text()) == {"steps": 1}


@pytest.mark.parametrize("message", ["x" * 10_000, "\"\\\n" * 3000, "é" * 5000])
def test_a_long_message_is_cut_to_the_limit_and_stays_json(message):
    encoded = outcome.encode_result({"reason": "Error", "message": message})
    assert len(encoded) <= outcome.MESSAGE_LIMIT_BYTES
    assert json.loads(encoded)["reason"] == "Error"
    assert json.loads(encoded)["message"]


def catches_sigterm(pid):
    """Whether the process has a handler for SIGTERM: bit 14 of SigCgt."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        caught = next(line for line in file if line.startswith("SigCgt")).split()[1]
    return int(caught, 16) >> 14 & 1
