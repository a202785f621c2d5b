"""The evaluator's numbers against numbers worked out by hand."""

import json
import math
import shutil
import sys

import pytest
import torch
from conftest import EVALUATE, RUNTIMES, Run
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.append(str(RUNTIMES / "evaluate"))

from evaluation_session import fit, summarise
from matching import last_number, matches
from suites import Measurement, accuracies
from tasks import Task


@pytest.mark.parametrize(
    ("answer", "expected", "match", "right"),
    [
        (" an\n archiver ", ["an archiver"], "exact", True),
        ("An archiver", ["an archiver"], "exact", False),
        ("no", ["yes", "no"], "exact", True),
        ("it is an  archiver.", ["an archiver"], "contains", True),
        ("archive", ["archiver"], "contains", False),
        ("tar 1.34", [r"\d+\.\d+"], "regex", True),
        ("tar", [r"^\d"], "regex", False),
        ("6 times 7 is 42.", ["42"], "numeric", True),
        ("1,234.50", ["1234.5"], "numeric", True),
        ("-3e2", ["-300"], "numeric", True),
        ("42 of 43", ["42"], "numeric", False),
        ("none", ["0"], "numeric", False),
    ],
)
def test_matching(answer, expected, match, right):
    assert matches(answer, expected, match) is right


def test_last_number_of_a_text_without_one():
    assert last_number("e . , -") is None


def test_accuracy_by_category():
    tasks = [Task("p", ("x",), "exact", category) for category in ("a", "a", "b", None)]
    assert accuracies(tasks, [True, False, True, True]) == {
        "accuracy": 0.75, "accuracy.a": 0.5, "accuracy.b": 1.0
    }


def test_what_is_not_finite_is_missing_and_not_a_number():
    measurement = Measurement({"perplexity": math.inf, "loss": math.nan, "tokens": 3}, 1, [])
    assert summarise("s", measurement) == {
        "metrics": {"tokens": 3}, "samples": 1, "suite": "s", "missing": ["loss", "perplexity"]
    }


def test_the_result_fits_the_termination_message():
    metrics = {"accuracy": 0.5} | {f"accuracy.{'c' * 60}{n}": 0.5 for n in range(100)}
    result = fit({"metrics": metrics, "samples": 1, "suite": "s"})
    assert len(json.dumps(result)) <= 4096
    assert result["truncated"] is True
    assert result["metrics"]["accuracy"] == 0.5
    assert len(result["metrics"]) > 30


@pytest.fixture
def evaluation(tmp_path, model):
    """Runs a suite over the given records; returns the run and its exit code."""

    def evaluate(records, model_path=model, adapter=None, **suite):
        run = Run(tmp_path)
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(record) + "\n" for record in records))
        run.configure(
            run={"name": "evaluation"}, model={"path": str(model_path), "adapter": adapter},
            suite={"name": "quality", "data": str(data), "maxNewTokens": 8, "batchSize": 2} | suite,
            output=str(tmp_path / "output"),
        )
        return run, run.finish(run.start(program=EVALUATE))

    return evaluate


def expected_loss(model, records):
    """−log p of each byte of the answers and of their end, one record and one token at a time."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model)
    losses = []
    for record in records:
        context = tokenizer.encode(f"<|user|>{record['prompt']}<|assistant|>", add_special_tokens=False)
        for token in tokenizer.encode(record["completion"] + "</s>", add_special_tokens=False):
            with torch.no_grad():
                logits = network(torch.tensor([context])).logits[0, -1].double()
            losses.append(-torch.log_softmax(logits, 0)[token].item())
            context.append(token)
    return losses


RECORDS = [{"prompt": "a", "completion": "bc"}, {"prompt": "def", "completion": "ghijk"},
           {"prompt": "é", "completion": ""}]


def test_perplexity_is_that_of_the_answers_tokens(evaluation, model):
    run, code = evaluation(RECORDS, type="perplexity")
    assert code == 0, run.log()
    losses = expected_loss(model, RECORDS)
    result = run.result()
    assert result["metrics"]["tokens"] == len(losses) == 3 + 6 + 1
    assert math.isclose(result["metrics"]["loss"], sum(losses) / len(losses), rel_tol=1e-5)
    assert math.isclose(result["metrics"]["perplexity"], math.exp(sum(losses) / len(losses)), rel_tol=1e-4)
    assert result["samples"] == 3 and result["suite"] == "quality"
    assert json.loads((run.folder / "output" / "metrics.json").read_text()) == result
    assert len((run.folder / "output" / "samples.jsonl").read_text().splitlines()) == 3


def greedy_answer(model, prompt, tokens=8):
    """The likeliest continuation, found one token at a time without a cache."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model)
    ids = tokenizer.encode(f"<|user|>{prompt}<|assistant|>", add_special_tokens=False)
    start = len(ids)
    for _ in range(tokens):
        with torch.no_grad():
            ids.append(network(torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == tokenizer.eos_token_id:
            break
    return tokenizer.decode(ids[start:], skip_special_tokens=True)


def test_exact_match_counts_the_records_answered_word_for_word(evaluation, model):
    prompts = ["one", "a much longer second prompt", "three"]
    records = [{"prompt": prompt, "completion": greedy_answer(model, prompt)} for prompt in prompts]
    records.append({"prompt": "four", "completion": greedy_answer(model, "four") + "!"})
    run, code = evaluation(records, type="exactMatch")
    assert code == 0, run.log()
    assert run.result()["metrics"] == {"exactMatch": 0.75, "count": 4}


def test_a_task_file_is_scored_by_category_up_to_its_limit(evaluation, model):
    answer = greedy_answer(model, "one")
    tasks = [
        {"prompt": "one", "expected": answer, "category": "known"},
        {"prompt": "one", "expected": ["never this", answer], "match": "contains", "category": "known"},
        {"prompt": "one", "expected": "^never this$", "match": "regex", "category": "unknown"},
        {"prompt": "one", "expected": "beyond the limit"},
    ]
    run, code = evaluation(tasks, type="tasks", limit=3)
    assert code == 0, run.log()
    metrics = run.result()["metrics"]
    assert metrics == {"accuracy": 2 / 3, "accuracy.known": 1.0, "accuracy.unknown": 0.0}


def test_a_model_that_yields_nan_has_missing_metrics(evaluation, broken_model):
    run, code = evaluation(RECORDS, model_path=broken_model, type="perplexity")
    assert code == 0, run.log()
    assert run.result()["missing"] == ["loss", "perplexity"]
    assert run.result()["metrics"] == {"tokens": 10}


def test_an_adapter_is_evaluated_with_its_base(evaluation, new_run):
    run = new_run(hyperparameters={"maxSteps": 10})
    assert run.finish(run.start()) == 0, run.log()
    validation = [json.loads(line) for line in (run.folder / "validation.jsonl").read_text().splitlines()]
    evaluated, code = evaluation(
        validation, adapter=str(run.folder / "output"), type="perplexity",
        parameters={"maxSequenceLength": "64"},
    )
    assert code == 0, evaluated.log()
    assert math.isclose(evaluated.result()["metrics"]["loss"], run.result()["finalEvalLoss"], rel_tol=1e-5)


@pytest.mark.parametrize(
    ("records", "suite", "part"),
    [
        (RECORDS, {"type": "bleu"}, "suite.type"),
        (RECORDS, {"type": "exactMatch", "format": "text"}, "suite.format"),
        (RECORDS, {"type": "perplexity", "limit": 0}, "suite.limit is 0"),
        (RECORDS, {"type": "perplexity", "data": "/nowhere"}, "suite.data is /nowhere"),
        (RECORDS, {"type": "perplexity", "parameters": {"x": "y"}}, "suite.parameters.x"),
        ([{"prompt": "x", "expected": "(", "match": "regex"}], {"type": "tasks"}, "data.jsonl, line 1"),
        ([{"prompt": "x", "expected": "y", "match": "numeric"}], {"type": "tasks"}, "holds no number"),
        ([{"prompt": "x", "expected": []}], {"type": "tasks"}, '"expected" must be'),
        ([{"prompt": "x", "expected": "y", "category": "a b"}], {"type": "tasks"}, '"category" must be'),
        ([], {"type": "tasks"}, "no tasks"),
    ],
)
def test_wrong_suites_exit_2_and_say_why(evaluation, records, suite, part):
    run, code = evaluation(records, **suite)
    assert code == 2, run.log()
    assert part in run.result()["message"]


def said(*answers):
    messages = [{"role": "user", "content": "q"}]
    return {"messages": messages + [{"role": "assistant", "content": "a"} | answer for answer in answers]}


def test_an_answer_of_weight_0_is_not_scored(evaluation, model):
    answer = greedy_answer(model, "q")
    run, code = evaluation(
        [said({"content": answer}, {"content": "!", "weight": 0})], type="exactMatch", format="messages")
    assert code == 0, run.log()
    assert run.result()["metrics"] == {"exactMatch": 1.0, "count": 1}


def test_a_call_is_no_answer_to_compare(evaluation):
    call = {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    run, code = evaluation([said(call)], type="exactMatch", format="messages")
    assert code == 2
    assert "data.jsonl, line 1: its last answer calls a tool" in run.result()["message"]


def test_a_token_without_an_embedding_is_refused(evaluation, model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<|tool|>"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    run, code = evaluation([{"prompt": "<|tool|>", "expected": "x"}], model_path=folder, type="tasks")
    assert code == 2
    assert run.result()["reason"] == "TokenWithoutEmbedding"


def test_an_adapter_folder_without_an_adapter_is_refused(evaluation, model):
    run, code = evaluation(RECORDS, adapter=str(model), type="perplexity")
    assert code == 2
    assert "model.adapter" in run.result()["message"]
