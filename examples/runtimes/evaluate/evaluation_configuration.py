"""The evaluator's configuration: typed, checked, with defaults."""

from dataclasses import dataclass

from anneal_runtime.records import FORMATS
from anneal_runtime.settings import Section

SUITES = ("perplexity", "exactMatch", "tasks")


@dataclass(frozen=True)
class EvaluationConfiguration:
    name: str
    model: str
    adapter: str | None
    suite: str
    type: str
    data: str
    format: str
    limit: int | None
    max_new_tokens: int
    batch_size: int
    max_length: int | None
    seed: int
    output: str


def parse(root: Section) -> EvaluationConfiguration:
    """The configuration in the root section; raises ConfigurationError on the first thing wrong in it."""
    model, suite = root.section("model"), root.section("suite")
    parameters = suite.parameters(("maxSequenceLength",))
    type = suite.choice("type", SUITES)
    format = suite.choice("format", FORMATS, "promptCompletion")
    if type == "exactMatch" and format == "text":
        suite.fail("format", "exactMatch needs answers: use promptCompletion, messages or preference")
    return EvaluationConfiguration(
        name=root.section("run", {}).string("name", "evaluation"),
        model=model.string("path"),
        adapter=model.string("adapter", None),
        suite=suite.string("name"),
        type=type,
        data=suite.string("data"),
        format=format,
        limit=suite.integer("limit", None, minimum=1),
        max_new_tokens=suite.integer("maxNewTokens", 64, minimum=1, maximum=65_536),
        batch_size=suite.integer("batchSize", 8, minimum=1, maximum=65_536),
        max_length=parameters.decimal("maxSequenceLength", None, minimum=2),
        seed=root.integer("seed", 42),
        output=root.string("output", "/workspace/output"),
    )
