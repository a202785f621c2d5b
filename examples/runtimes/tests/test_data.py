"""Data that teach nothing, tokens that the model does not know, and models that did not change."""

import json
import shutil

import chat_templates
import data_check
import make_base_model
import pytest
import torch
from adaptation import fingerprint
from anneal_runtime.language_model import collate, embedding_rows
from anneal_runtime.outcome import ConfigurationError, Stopped
from anneal_runtime.prompts import IGNORED, Prompts
from anneal_runtime.records import RecordFile, parse_record
from data_check import DataCheck, check_data
from distributed import Processes
from transformers import AutoModelForCausalLM, AutoTokenizer

LONG = json.dumps({"prompt": "x" * 200, "completion": "never seen"})
GOOD = json.dumps({"prompt": "a", "completion": "b"})


def said(*messages):
    written = [{"role": role, "content": text, **rest} for role, text, rest in messages]
    return json.dumps({"messages": written})


MASKED = said(("user", "q", {}), ("assistant", "not to be learnt", {"weight": 0}))
CALLING = {"tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "port_of", "arguments": '{"service": "dns"}'}}]}


def change(run, **changes):
    configuration = json.loads((run.folder / "config.json").read_text())
    for key, value in changes.items():
        configuration[key] = configuration[key] | value if isinstance(value, dict) else value
    run.configure(**configuration)


@pytest.mark.parametrize(
    ("records", "format", "parts"),
    [
        ([LONG] * 3, "promptCompletion",
         ["none of its 3 records", "3 are longer than hyperparameters.maxSequenceLength (64)",
          "at least 203"]),
        ([MASKED] * 3, "messages",
         ["none of its 3 records", "3 have nothing that counts (weight 0, or no text)"]),
        ([MASKED, said(("user", "x" * 200, {}), ("assistant", "a", {}))], "messages",
         ["1 are longer", "1 have nothing", "at least 203"]),
    ],
)
def test_a_run_that_can_learn_nothing_is_refused_before_the_model_is_loaded(
    new_run, monkeypatch, records, format, parts
):
    run = new_run(records=records)
    change(run, data={"format": format, "validation": None})
    assert run.finish(run.start()) == 2, run.log()
    assert run.result()["reason"] == "NothingToLearn"
    for part in parts:
        assert part in run.result()["message"]
    assert "parameters learn" not in run.log()
    assert not (run.folder / "output").exists()


def test_the_length_that_the_refusal_names_is_enough(new_run):
    run = new_run(records=[LONG] * 3, hyperparameters={"maxSteps": 1})
    assert run.finish(run.start()) == 2
    change(run, hyperparameters={"maxSequenceLength": 202})
    assert run.finish(run.start()) == 2
    change(run, hyperparameters={"maxSequenceLength": 203})
    assert run.finish(run.start()) == 0, run.log()


@pytest.mark.parametrize(("long", "warns"), [(1, False), (2, True)])
def test_a_share_of_records_that_teach_nothing_is_told_above_a_tenth(new_run, long, warns):
    run = new_run(records=[GOOD] * (10 - long) + [LONG] * long, hyperparameters={"maxSteps": 2})
    assert run.finish(run.start()) == 0, run.log()
    warnings = run.result().get("warnings", [])
    assert bool(warnings) is warns
    if warns:
        assert "2 of 10 training records (20 %) teach nothing" in warnings[0]
        assert "maxSequenceLength (64)" in warnings[0] and warnings[0] in run.log()
        first, *_ = (run.folder / "metrics.jsonl").read_text().splitlines()
        assert json.loads(first)["warnings"] == warnings


def test_validation_records_that_teach_nothing_are_told_and_checked_as_far_as_they_are_used(new_run):
    run = new_run(records=[GOOD] * 5, hyperparameters={"maxSteps": 1}, parameters={"evaluationRecords": "2"})
    broken = json.dumps({"prompt": "a", "completion": "b"}).replace("b", "<|user|>" * 99)
    (run.folder / "validation.jsonl").write_text("\n".join([LONG, LONG, broken]))
    assert run.finish(run.start()) == 0, run.log()
    assert "2 of 2 validation records (100 %) teach nothing" in run.result()["warnings"][0]
    assert run.result()["finalEvalLoss"] is None


def test_a_run_that_goes_on_tells_of_its_data_without_reading_them_again(new_run, monkeypatch):
    run = new_run(records=[GOOD] * 8 + [LONG] * 2, hyperparameters={"maxSteps": 2})
    assert run.finish(run.start()) == 0, run.log()
    warnings = run.result()["warnings"][:1]
    change(run, data={"validation": None})
    monkeypatch.setattr(data_check, "check_data", lambda *_, **__: pytest.fail("read again"))
    assert run.finish(run.start(resume_from=run.newest_checkpoint())) == 0, run.log()
    assert run.result()["warnings"] == warnings


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_model_that_training_left_as_it_was_is_refused(new_run, broken_model, method):
    run = new_run(method=method, hyperparameters={"maxSteps": 2})
    change(run, model={"path": str(broken_model)})
    assert run.finish(run.start()) == 2, run.log()
    assert run.result()["reason"] == "ModelUnchanged"
    assert "changed no weight in 2 steps" in run.result()["message"]
    assert not (run.folder / "output").exists()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_learning_rate_that_moves_no_weight_is_refused(new_run, method):
    run = new_run(method=method, hyperparameters={"maxSteps": 2, "learningRate": 1e-30, "weightDecay": 0.1})
    assert run.finish(run.start()) == 2, run.log()
    assert "hyperparameters.learningRate" in run.result()["message"]


def test_the_fingerprint_sees_every_change_but_of_an_adapter_whose_product_is_zero():
    weights = {name: torch.nn.Parameter(torch.zeros(3, 2))
               for name in ("q.lora_A.default.weight", "q.lora_B.default.weight", "w")}
    before = fingerprint(weights)
    with torch.no_grad():
        weights["q.lora_A.default.weight"][0, 0] = 1
        weights["w"][0, 0] = 1e-30
    assert fingerprint(weights) == before
    for name in ("q.lora_B.default.weight", "w"):
        changed = {key: torch.nn.Parameter(value.detach().clone()) for key, value in weights.items()}
        with torch.no_grad():
            changed[name][1, 1] = 1e-11
        assert fingerprint(changed) != before


@pytest.fixture(scope="session")
def token_model(model, tmp_path_factory):
    """The model, whose tokenizer has got a token that its embedding has no row for."""
    folder = tmp_path_factory.mktemp("token") / "model"
    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<|tool|>"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("place", ["prompt", "completion"])
def test_a_record_with_a_token_without_an_embedding_is_refused(new_run, token_model, place):
    records = [GOOD] * 5 + [json.dumps({"prompt": "a", "completion": "b", place: "<|tool|> port"})]
    run = new_run(records=records, hyperparameters={"maxSteps": 1})
    change(run, model={"path": str(token_model)})
    assert run.finish(run.start()) == 2, run.log()
    assert run.result()["reason"] == "TokenWithoutEmbedding"
    for part in ("train.jsonl, line 6", "'<|tool|>'", "resize_token_embeddings"):
        assert part in run.result()["message"]
    assert "parameters learn" not in run.log()


def test_a_token_without_an_embedding_that_no_record_uses_is_told(new_run, token_model):
    run = new_run(hyperparameters={"maxSteps": 1})
    change(run, model={"path": str(token_model)})
    assert run.finish(run.start()) == 0, run.log()
    assert "'<|tool|>'" in run.result()["warnings"][0]


def test_a_token_behind_the_cut_is_none(token_model):
    prompts = Prompts(AutoTokenizer.from_pretrained(token_model), embedding_rows(token_model))
    record = parse_record(json.dumps({"text": "a" * 20 + "<|tool|>"}), "text")
    assert len(prompts.example(record, 20).ids) == 20
    with pytest.raises(ConfigurationError):
        prompts.example(record, 21)


def test_padding_and_questions_must_have_embeddings_too(token_model):
    tokenizer = AutoTokenizer.from_pretrained(token_model)
    rows = embedding_rows(token_model)
    record = parse_record(json.dumps({"prompt": "<|tool|>", "completion": ""}), "promptCompletion")
    question = record.before(1)
    with pytest.raises(ConfigurationError, match="resize_token_embeddings"):
        Prompts(tokenizer, rows).question(question, 100)
    tokenizer.pad_token = "<|tool|>"
    with pytest.raises(ConfigurationError, match="the tokenizer's padding"):
        Prompts(tokenizer, rows)


@pytest.mark.parametrize("template", [None, chat_templates.SYSTEM_BEFORE_NEWEST])
@pytest.mark.parametrize("padding", ["</s>", None])
def test_the_closing_token_is_attended_and_learnt_where_it_is_the_padding_too(
    model, tmp_path, monkeypatch, template, padding
):
    """After public reports: where padding is the end token, the true end was masked and never learnt."""
    from anneal_runtime.language_model import load_tokenizer

    make_base_model.make_tokenizer(str(tmp_path), 256)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = template
    tokenizer.pad_token = padding
    tokenizer.save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    end = tokenizer.eos_token_id
    assert tokenizer.pad_token_id == end

    prompts = Prompts(tokenizer)
    examples = [prompts.example(parse_record(json.dumps({"prompt": "p", "completion": answer}),
                                             "promptCompletion"), 100) for answer in ("a", "a longer one")]
    ids, labels, mask = collate(examples, tokenizer.pad_token_id, torch.device("cpu"))
    for row, example in enumerate(examples):
        last = len(example.ids) - 1
        assert ids[row, last] == labels[row, last] == end and mask[row, last] == 1
        assert (labels[row, last + 1 :] == IGNORED).all() and (mask[row, last + 1 :] == 0).all()


def test_a_model_whose_padding_is_the_end_token_learns_to_stop(new_run, model, tmp_path):
    folder = tmp_path / "unpadded"
    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    records = [json.dumps({"prompt": prompt, "completion": "ab"}) for prompt in ("q", "a longer one")] * 4
    run = new_run(method="full", records=records, hyperparameters={"epochs": 60})
    change(run, model={"path": str(folder)})
    assert run.finish(run.start()) == 0, run.log()

    trained = AutoModelForCausalLM.from_pretrained(run.folder / "output")
    asked = Prompts(tokenizer).question(parse_record(records[0], "promptCompletion").before(1), 100)
    ids = trained.generate(torch.tensor([asked]), max_new_tokens=20, do_sample=False,
                           pad_token_id=tokenizer.eos_token_id)[0, len(asked):]
    assert tokenizer.decode(ids) == "ab</s>"


def test_a_check_of_the_data_ends_when_asked_and_shows_signs_of_life(tmp_path, monkeypatch, model):
    (tmp_path / "data.jsonl").write_text("\n".join([GOOD] * 5))
    records = RecordFile(str(tmp_path / "data.jsonl"), "promptCompletion", "data.train")
    prompts = Prompts(AutoTokenizer.from_pretrained(model))
    alone = Processes(0, 1, torch.device("cpu"))
    monkeypatch.setattr(data_check, "SIGN_OF_LIFE_SECONDS", 0)
    signs = []
    found = check_data(records, 5, lambda record: prompts.example(record, 100), alone, lambda: False,
                       lambda: signs.append(1))
    assert found == DataCheck(5, 0, 0, None) and len(signs) == 5
    with pytest.raises(Stopped):
        check_data(records, 5, lambda record: pytest.fail("went on"), alone, lambda: True, lambda: None)


@pytest.mark.parametrize(
    ("record", "reason"),
    [(said(("user", "q", {}), ("assistant", None, CALLING)), "refuses"),
     (said(("user", "q", {}), ("assistant", "", CALLING)), "drops")],
)
def test_calls_that_the_template_does_not_render_end_the_run(new_run, record, reason):
    run = new_run(records=[record] * 4, hyperparameters={"maxSteps": 1})
    change(run, data={"format": "messages"})
    assert run.finish(run.start()) == 2, run.log()
    assert f"train.jsonl, line 1: the chat template of the model {reason}" in run.result()["message"]
