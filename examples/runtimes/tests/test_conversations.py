"""Conversations: what is fed is the chat template's own text, what is learnt is what the assistant says."""

import json

import chat_templates
import make_base_model
import pytest
from anneal_runtime.conversations import Conversation
from anneal_runtime.outcome import ConfigurationError
from anneal_runtime.prompts import IGNORED, Prompts
from anneal_runtime.records import parse_record

TEMPLATES = {
    name: getattr(chat_templates, name)
    for name in ("CHATML", "CHATML_MARKED", "REASONING", "SYSTEM_BEFORE_NEWEST", "HEADERS", "END_OF_ALL",
                 "THINKING_ASKED")
}


def byte_tokenizer(folder):
    """One token a byte, and the special tokens of all templates."""
    return make_base_model.make_tokenizer(str(folder), 4096)


def word_tokenizer(folder):
    """Byte pairs that join letters to words, and words to the blanks before them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=make_base_model.SPECIAL_TOKENS,
    )
    text = " first second third question answer\n\n[INST] assistant user"
    tokenizer.train_from_iterator([text] * 20, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        model_max_length=4096,
    )


def prefixing_tokenizer(folder):
    """As SentencePiece does: a blank before every text that is encoded, so that pieces are not the whole."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = [chr(code) for code in range(32, 127)] + ["\n", "▁"]
    vocabulary = {token: id for id, token in enumerate(make_base_model.SPECIAL_TOKENS + alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens(make_base_model.SPECIAL_TOKENS)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        model_max_length=4096,
    )


TOKENIZERS = [byte_tokenizer, word_tokenizer, prefixing_tokenizer]


@pytest.fixture
def tokenizer_with(tmp_path):
    """Makes a tokenizer with a chat template."""

    def make(template, kind=byte_tokenizer):
        tokenizer = kind(tmp_path)
        tokenizer.add_tokens(chat_templates.SPECIAL_TOKENS, special_tokens=True)
        tokenizer.chat_template = template
        return tokenizer

    return make


def chat(*messages, **record):
    """The conversation of a record; a message is a role and its content or other fields."""
    written = [{"role": role, **(said if isinstance(said, dict) else {"content": said})}
               for role, said in messages]
    return parse_record(json.dumps({"messages": written, **record}), "messages", "data.jsonl, line 7")


def learnt(tokenizer, record, limit=4096):
    """The texts of the runs of tokens that count."""
    example = Prompts(tokenizer).example(record, limit)
    runs, before = [], IGNORED
    for label in example.labels:
        if label != IGNORED:
            if before == IGNORED:
                runs.append([])
            runs[-1].append(label)
        before = label
    return [tokenizer.decode(run) for run in runs]


THREE_TURNS = [
    ("user", "first question"), ("assistant", "first answer"),
    ("user", "second question"), ("assistant", "second answer"),
    ("user", "third question"), ("assistant", "third answer"),
]
WITH_SYSTEM = [("system", "Be brief and do not lie."), *THREE_TURNS]


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_fed_is_the_templates_text_of_the_whole_conversation(tokenizer_with, name, kind):
    tokenizer = tokenizer_with(TEMPLATES[name], kind)
    messages = THREE_TURNS if name == "THINKING_ASKED" else WITH_SYSTEM
    record = chat(*messages)
    written = [{"role": role, "content": content} for role, content in messages]
    whole = tokenizer.apply_chat_template(written, tokenize=True)["input_ids"]
    example = Prompts(tokenizer).example(record, 4096)
    assert example.ids == whole
    assert all(label in (IGNORED, token) for token, label in zip(example.ids, example.labels))


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("CHATML", ["<|im_end|>"] * 3),
        ("CHATML_MARKED", ["<|im_end|>"] * 3),
        ("SYSTEM_BEFORE_NEWEST", ["</s>"] * 3),
        ("HEADERS", ["<|eot_id|>"] * 3),
        ("END_OF_ALL", ["<|end|>", "<|end|>", "<|end|>\n</s>"]),
        ("THINKING_ASKED", ["</s>"] * 3),
    ],
)
def test_every_answer_counts_once_with_its_end(tokenizer_with, name, ends, kind):
    tokenizer = tokenizer_with(TEMPLATES[name], kind)
    record = chat(*(THREE_TURNS if name == "THINKING_ASKED" else WITH_SYSTEM))
    answers = [f"{which} answer{end}" for which, end in zip(("first", "second", "third"), ends)]
    assert [text.lstrip(" ") for text in learnt(tokenizer, record)] == answers


def test_the_marks_of_a_template_are_followed_token_by_token(tokenizer_with):
    for kind in TOKENIZERS:
        tokenizer = tokenizer_with(chat_templates.CHATML_MARKED, kind)
        marked = tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in WITH_SYSTEM], tokenize=True,
            return_dict=True, return_assistant_tokens_mask=True,
        )
        example = Prompts(tokenizer).example(chat(*WITH_SYSTEM), 4096)
        assert [int(label != IGNORED) for label in example.labels] == marked["assistant_masks"]


def test_old_thoughts_are_dropped_and_the_newest_is_learnt(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.REASONING)
    record = chat(
        ("user", "one"), ("assistant", "<think>\nold thought\n</think>\n\nfirst"),
        ("user", "two"), ("assistant", "<think>\nnew thought\n</think>\n\nsecond"),
    )
    text = tokenizer.decode(Prompts(tokenizer).example(record, 4096).ids)
    assert "old thought" not in text and text.count("first") == text.count("second") == 1
    assert learnt(tokenizer, record) == [
        "first<|im_end|>", "<think>\nnew thought\n</think>\n\nsecond<|im_end|>"]


def test_an_answer_without_a_thought_learns_the_empty_one_that_the_template_writes(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.REASONING)
    assert learnt(tokenizer, chat(*THREE_TURNS)) == [
        "first answer<|im_end|>", "second answer<|im_end|>",
        "<think>\n\n</think>\n\nthird answer<|im_end|>"]


def test_answers_that_are_equal_or_begin_alike_are_told_apart(tokenizer_with):
    for name in ("REASONING", "SYSTEM_BEFORE_NEWEST", "HEADERS", "END_OF_ALL"):
        tokenizer = tokenizer_with(TEMPLATES[name])
        record = chat(("system", "yes"), ("user", "yes"), ("assistant", "yes"), ("user", "yes"),
                      ("assistant", "yes"), ("user", "annealword0x"), ("assistant", "annealword0x yes"))
        texts = learnt(tokenizer, record)
        assert len(texts) == 3
        assert [text.count("yes") for text in texts] == [1, 1, 1], name


def test_what_is_learnt_follows_what_the_template_asks_with(tokenizer_with):
    for name in ("CHATML", "CHATML_MARKED", "REASONING", "HEADERS", "SYSTEM_BEFORE_NEWEST", "END_OF_ALL"):
        tokenizer = tokenizer_with(TEMPLATES[name])
        record = chat(*WITH_SYSTEM)
        prompts = Prompts(tokenizer)
        example = prompts.example(record, 4096)
        asked = prompts.question(record.before(6), 4096)
        last = len(asked)
        assert example.ids[:last] == asked, name
        assert example.labels[last - 1] == IGNORED and example.labels[last] != IGNORED, name


def test_a_thought_that_the_question_begins_is_not_learnt_twice(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.THINKING_ASKED)
    record = chat(("user", "q"), ("assistant", "<think>\nolder</think>a"), ("user", "r"),
                  ("assistant", "<think>\nwhy</think>b"))
    assert learnt(tokenizer, record) == ["a</s>", "why</think>b</s>"]


CALL = {"content": None, "tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "port_of", "arguments": '{"service": "dns"}'}}]}
TOOLS = [{"type": "function", "function": {
    "name": "port_of", "parameters": {"type": "object", "properties": {"service": {"type": "string"}}}}}]
CALLED = [("user", "Which port has DNS?"), ("assistant", CALL),
          ("tool", {"content": "53", "tool_call_id": "c1"}), ("assistant", "It is 53.")]


@pytest.mark.parametrize("content", [None, "", "\n"])
@pytest.mark.parametrize("tools", [TOOLS, json.dumps(TOOLS)])
def test_a_call_is_learnt_as_the_template_writes_it(tokenizer_with, content, tools):
    tokenizer = tokenizer_with(chat_templates.REASONING)
    messages = [CALLED[0], ("assistant", CALL | {"content": content}), *CALLED[2:]]
    call, answer = learnt(tokenizer, chat(*messages, tools=tools))
    assert call.strip("\n") == (
        '<tool_call>\n{"name": "port_of", "arguments": {"service": "dns"}}\n</tool_call><|im_end|>')
    assert answer.endswith("It is 53.<|im_end|>")
    text = tokenizer.decode(Prompts(tokenizer).example(chat(*messages, tools=tools), 4096).ids)
    assert '"name": "port_of", "parameters"' in text and "<tool_response>\n53\n</tool_response>" in text


def test_a_call_is_learnt_with_its_name_where_a_thought_was_asked_for(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.THINKING_ASKED_TOOLS)
    thoughtful = ("assistant", {"content": "It is 53.", "reasoning_content": "so"})
    assert learnt(tokenizer, chat(*CALLED[:3], thoughtful, tools=TOOLS)) == [
        "<tool_call>port_of service: dns</tool_call><|im_end|>", "so\n</think>\nIt is 53.<|im_end|>"]


def test_a_call_whose_beginning_cannot_be_told_is_refused(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.THINKING_ASKED_TOOLS)
    with pytest.raises(ConfigurationError, match=r"the beginning of messages\[0\] cannot be found"):
        Prompts(tokenizer).example(chat(*CALLED[1:], tools=TOOLS), 4096)


@pytest.mark.parametrize(
    ("template", "record", "dropped"),
    [
        ("CHATML", chat(("user", "q"), ("assistant", CALL | {"content": ""})), "messages[1].tool_calls[0]"),
        ("CHATML_MARKED", chat(("user", "q"), ("assistant", CALL | {"content": "so"})),
         "messages[1].tool_calls[0]"),
        ("CHATML", chat(("user", "q"), ("assistant", "a"), tools=TOOLS), "tools[0]"),
        ("CHATML", chat(("user", "q"), ("assistant", {"content": "a", "reasoning_content": "b"})),
         "messages[1].reasoning_content"),
        ("CHATML", chat(("user", "q"), ("assistant", {"content": "a", "reasoning_content": "b"}),
                        ("user", "r"), ("assistant", "c")), "messages[1].reasoning_content"),
        ("HEADERS", chat(("user", "q"), ("assistant", CALL | {"content": "I look."})), "messages[1].content"),
        ("HEADERS", chat(*CALLED, tools=TOOLS), "tools[0]"),
        ("THINKING_ASKED", chat(("system", "s"), ("user", "q"), ("assistant", "a")), "messages[0].content"),
        ("THINKING_ASKED", chat(("user", "q"), ("tool", "t"), ("assistant", "a")), "messages[1].content"),
    ],
)
def test_what_a_template_drops_is_refused_by_name(tokenizer_with, template, record, dropped):
    with pytest.raises(ConfigurationError) as error:
        Prompts(tokenizer_with(TEMPLATES[template])).example(record, 4096)
    assert f"data.jsonl, line 7: the chat template of the model drops {dropped}" in error.value.message
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("template", "record", "words"),
    [
        ("CHATML", chat(("user", "q"), ("assistant", CALL)), "refuses"),
        ("SYSTEM_BEFORE_NEWEST", chat(("user", "q"), ("user", "q"), ("assistant", "a")), "must alternate"),
        ("{{ messages[0].content / 2 }}", chat(("user", "q"), ("assistant", "a")), "refuses"),
        ("{{ messages[0].content + 2 }}", chat(("user", "q"), ("assistant", "a")), "refuses"),
        ("{% for m in messages %}{{ m.content }}{% end", chat(("user", "q"), ("assistant", "a")), "refuses"),
    ],
)
def test_what_a_template_refuses_is_told_with_its_place(tokenizer_with, template, record, words):
    tokenizer = tokenizer_with(TEMPLATES.get(template, template))
    with pytest.raises(ConfigurationError) as error:
        Prompts(tokenizer).example(record, 4096)
    assert "data.jsonl, line 7" in error.value.message and words in error.value.message


def test_where_the_answers_cannot_be_told_the_template_is_refused(tokenizer_with):
    summarised = (
        "{{ messages | length }}{% for message in messages %}{{ message.content + '|' }}{% endfor %}"
        "{% for message in messages %}{{ message.content + ';' }}{% endfor %}")
    empty = "{% generation %}{% endgeneration %}{% for m in messages %}{{ m.content }}{% endfor %}"
    for template in (summarised, empty):
        with pytest.raises(ConfigurationError, match="generation") as error:
            Prompts(tokenizer_with(template)).example(chat(*THREE_TURNS), 4096)
        assert error.value.reason == "UnsupportedChatTemplate"


@pytest.mark.parametrize("name", ["CHATML", "CHATML_MARKED", "REASONING", "SYSTEM_BEFORE_NEWEST"])
def test_an_answer_of_weight_0_is_fed_and_not_learnt(tokenizer_with, name):
    tokenizer = tokenizer_with(TEMPLATES[name])
    record = chat(("user", "Greeting"), ("assistant", {"content": "BAD", "weight": 0}),
                  ("user", "Again"), ("assistant", {"content": "Good day.", "weight": 1}))
    (text,) = learnt(tokenizer, record)
    assert "Good day." in text and "BAD" not in text
    assert "BAD" in tokenizer.decode(Prompts(tokenizer).example(record, 4096).ids)


def test_a_weight_0_among_marks_that_are_not_one_a_message_is_refused(tokenizer_with):
    template = chat_templates.CHATML_MARKED.replace(
        "message.content + '<|im_end|>' }}",
        "message.content }}{% endgeneration %}{% generation %}{{ '<|im_end|>' }}")
    record = chat(("user", "q"), ("assistant", {"content": "a", "weight": 0}), ("user", "q"),
                  ("assistant", "b"))
    with pytest.raises(ConfigurationError, match="4 places for 2 messages"):
        Prompts(tokenizer_with(template)).example(record, 4096)


def test_text_parts_are_one_text(tokenizer_with):
    tokenizer = tokenizer_with(chat_templates.CHATML)
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    assert learnt(tokenizer, chat(("user", {"content": parts}), ("assistant", {"content": parts}))) == [
        "one two<|im_end|>"]


def test_the_role_developer_is_system_where_the_template_does_not_know_it(tokenizer_with):
    record = chat(("developer", "Be brief."), ("user", "q"), ("assistant", "a"))
    for template, role in ((chat_templates.CHATML, "system"),
                           (chat_templates.CHATML + "{# developer #}", "developer")):
        tokenizer = tokenizer_with(template)
        text = tokenizer.decode(Prompts(tokenizer).example(record, 4096).ids)
        assert text.startswith(f"<|im_start|>{role}\nBe brief.")


def test_a_tokenizer_without_a_chat_template_refuses_what_its_format_has_no_words_for(tokenizer_with):
    prompts = Prompts(tokenizer_with(None))
    for record, name in ((chat(("user", "q"), ("assistant", CALL)), "messages[1].tool_calls"),
                         (chat(*THREE_TURNS, tools=TOOLS), "tools")):
        with pytest.raises(ConfigurationError) as error:
            prompts.example(record, 4096)
        assert f"no chat template, which {name} needs" in error.value.message


def test_without_a_chat_template_developer_is_system_and_weight_0_is_not_learnt(tokenizer_with):
    tokenizer = tokenizer_with(None)
    record = chat(("developer", "s"), ("user", "q"), ("assistant", {"content": "a", "weight": 0}),
                  ("user", "r"), ("assistant", "b"), ("user", "t"))
    assert learnt(tokenizer, record) == ["b</s>"]
    assert tokenizer.decode(Prompts(tokenizer).example(record, 4096).ids) == (
        "<s>System: s\n\nUser: q\n\nAssistant: a</s>\n\nUser: r\n\nAssistant: b</s>\n\nUser: t")


def test_a_conversation_is_rendered_a_few_times_and_not_once_a_word(tokenizer_with, monkeypatch):
    tokenizer = tokenizer_with(chat_templates.CHATML)
    rendered = []
    render = tokenizer.apply_chat_template
    monkeypatch.setattr(tokenizer, "apply_chat_template",
                        lambda *a, **k: rendered.append(1) or render(*a, **k))
    prompts = Prompts(tokenizer)
    for _ in range(2):
        rendered.clear()
        prompts.example(Conversation.of(("user", "q"), ("assistant", "a")), 4096)
    assert len(rendered) == 3
