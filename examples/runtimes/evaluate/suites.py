"""The suites: each measures a model and returns its metrics and some samples."""

import math
from dataclasses import dataclass

import torch

from anneal_runtime.language_model import collate, scored_tokens, summed_loss
from anneal_runtime.outcome import ConfigurationError
from anneal_runtime.conversations import Conversation
from anneal_runtime.records import RecordFile
from matching import matches
from tasks import Task, read_tasks

SHOWN_ANSWERS = 5
"""So many answers are generated for people to read where the suite itself needs none."""


@dataclass(frozen=True)
class Measurement:
    """Metrics by name (they may be infinite or NaN), how many samples they are of, and samples to read."""

    metrics: dict
    count: int
    samples: list


def perplexity(configuration, model, tokenizer, prompts, generator):
    """exp of the mean −log p of a scored token, over all tokens of all records."""
    records = RecordFile(configuration.data, configuration.format, "suite.data")
    count = min(len(records), configuration.limit or len(records))
    limit = _context(configuration, model)
    total, tokens = 0.0, 0
    for start in range(0, count, configuration.batch_size):
        batch = range(start, min(start + configuration.batch_size, count))
        examples = [prompts.example(records[index], limit) for index in batch]
        with torch.inference_mode():
            total += summed_loss(model, *collate(examples, tokenizer.pad_token_id, model.device)).item()
        tokens += scored_tokens(examples)
    loss = total / tokens if tokens else math.nan
    try:
        value = math.exp(loss)
    except OverflowError:
        value = math.inf
    shown = [records[index] for index in range(min(count, SHOWN_ANSWERS))]
    return Measurement(
        {"perplexity": value, "loss": loss, "tokens": tokens}, count, _shown_answers(shown, generator)
    )


def _context(configuration, model):
    context = getattr(model.config, "max_position_embeddings", None) or 2048
    return min(context, configuration.max_length or context)


def _shown_answers(records, generator):
    asked = [_question(record) for record in records if isinstance(record, Conversation)]
    answers = generator.answers([question for question, _ in asked])
    return [
        {"prompt": _prompt(question), "expected": [expected.text], "answer": answer}
        for (question, expected), answer in zip(asked, answers)
    ]


def _question(record):
    """What comes before the last answer of a conversation that counts, and that answer."""
    said = [index for index, message in enumerate(record.messages) if message.role == "assistant"]
    last = max([index for index in said if record.messages[index].learnt] or said)
    return record.before(last), record.messages[last]


def _prompt(question):
    return question.messages[-1].text if question.messages else ""


def _text_question(record):
    """The same, of a record whose answer is text."""
    question, expected = _question(record)
    if expected.calls:
        raise ConfigurationError(
            f"{record.place}: its last answer calls a tool, which exactMatch cannot compare: remove the "
            "record, or use perplexity",
            reason="InvalidRecord",
        )
    return question, expected.text


def exact_match(configuration, model, tokenizer, prompts, generator):
    """The share of records whose last answer the model gives word for word."""
    records = RecordFile(configuration.data, configuration.format, "suite.data")
    count = min(len(records), configuration.limit or len(records))
    questions = [_text_question(records[index]) for index in range(count)]
    answers = generator.answers([question for question, _ in questions])
    samples = [
        _sample(_prompt(question), [expected], "exact", answer)
        for (question, expected), answer in zip(questions, answers)
    ]
    right = sum(sample["correct"] for sample in samples)
    return Measurement({"exactMatch": right / count, "count": count}, count, samples)


def task_file(configuration, model, tokenizer, prompts, generator):
    """The share of tasks answered rightly, overall and by category."""
    tasks = read_tasks(configuration.data, configuration.limit)
    answers = generator.answers([Conversation.of(("user", task.prompt)) for task in tasks])
    samples = [
        _sample(task.prompt, list(task.expected), task.match, answer) | {"category": task.category}
        for task, answer in zip(tasks, answers)
    ]
    return Measurement(accuracies(tasks, [sample["correct"] for sample in samples]), len(tasks), samples)


def accuracies(tasks: list[Task], correct):
    """`accuracy`, and `accuracy.CATEGORY` for each category that the tasks name."""
    metrics = {"accuracy": sum(correct) / len(tasks)}
    for category in sorted({task.category for task in tasks if task.category is not None}):
        own = [right for task, right in zip(tasks, correct) if task.category == category]
        metrics[f"accuracy.{category}"] = sum(own) / len(own)
    return metrics


def _sample(prompt, expected, match, answer):
    return {"prompt": prompt, "expected": expected, "answer": answer, "match": match,
            "correct": matches(answer, expected, match)}


SUITES = {"perplexity": perplexity, "exactMatch": exact_match, "tasks": task_file}


def measure(configuration, model, tokenizer, prompts, generator):
    """Runs the configured suite."""
    suite = SUITES.get(configuration.type)
    if suite is None:
        raise ConfigurationError(f"suite.type is {configuration.type}: it must be one of {', '.join(SUITES)}")
    return suite(configuration, model, tokenizer, prompts, generator)
