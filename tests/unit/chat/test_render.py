"""What is supervised is what the model would write after the prompt that serving sends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_models import TEMPLATE, make_chat, make_tokenizer, save_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tunesmith.chat import Chat, load_chat
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import Example, Message, PlainText, Rendered

PREFILLED = TEMPLATE.replace("{{ '<|assistant|>' }}", "{{ '<|assistant|><think>\n' }}")
FORGETTING = TEMPLATE.replace("if m.reasoning_content is string", "if m.reasoning_content is string and loop.last")
CONVERSATION = (
    Message("system", "Be brief."),
    Message("user", "What is 6 times 7?"),
    Message("assistant", "42", "six sevens"),
    Message("user", "再加八呢？"),
    Message("assistant", "五十", "四十二加八"),
)


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    return make_chat(tmp_path)


def example(*messages: Message) -> Example:
    return Example("row", messages, Place("rows.jsonl", 7))


def supervised(chat: Chat, rendered: Rendered) -> list[str]:
    """Decoded stretches of tokens that have a weight."""
    texts, ids = [], []
    for id, weight in zip([*rendered.ids_T.tolist(), 0], [*rendered.weights_T.tolist(), 0.0], strict=True):
        if weight:
            ids.append(id)
        elif ids:
            texts.append(chat.tokenizer.decode(ids, skip_special_tokens=False))
            ids = []
    return texts


def test_the_supervised_prefix_is_the_generation_prompt(chat: Chat) -> None:
    rendered = chat.render(example(*CONVERSATION))
    assert supervised(chat, rendered) == [
        "<think>\nsix sevens\n</think>\n\n42<|end|>",
        "<think>\n四十二加八\n</think>\n\n五十<|end|>",
    ]
    for turn in (2, 4):
        prompt = chat.prompt_ids(CONVERSATION[:turn])
        assert rendered.ids_T[: len(prompt)].tolist() == prompt
        assert rendered.weights_T[len(prompt)] == 1.0
        written = chat.answer_ids(CONVERSATION[turn], CONVERSATION[:turn])
        assert rendered.ids_T[len(prompt) :][: len(written)].tolist() == written
    assert (
        rendered.ids_T.tolist()
        == chat.tokenizer.encode(
            chat.tokenizer.decode(rendered.ids_T.tolist(), skip_special_tokens=False), add_special_tokens=False
        ).ids
    )


ROLES = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + (m.reasoning_content + '</think>' if m.reasoning_content is "
    "string else '') + m.content + eos_token + '\\n\\n' }}{% endfor %}{{ '<|assistant|>\\n' if add_generation_prompt }}"
)
"""Of Zephyr and TinyLlama: roles are text, and only the end of a turn is a token."""


def letters(split: pre_tokenizers.PreTokenizer | None = None, *, rstrip: bool = False) -> Tokenizer:
    """A token a character, but for two line feeds; without `split`, a text begins with a space as in Llama 2."""
    characters = [chr(code) for code in range(33, 127)] + ["\n", "▁", "Ġ", "Ċ"]
    vocabulary = {piece: id for id, piece in enumerate([*characters, "\n\n", "ĊĊ"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("\n", "\n"), ("Ċ", "Ċ")]))
    if split is not None:
        tokenizer.pre_tokenizer = split
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens([AddedToken("</s>", rstrip=rstrip, normalized=False, special=True)])
    return tokenizer


@pytest.mark.parametrize(
    "tokenizer",
    [
        letters(),
        letters(pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
        letters(pre_tokenizers.ByteLevel(add_prefix_space=False)),
        letters(rstrip=True),
    ],
    ids=["llama-2", "llama-2-new", "gpt-2", "phi-3"],
)
def test_the_tokens_of_a_row_are_those_of_its_whole_text(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Whatever a tokenizer puts before a text or makes of white space, a row holds every prompt as it is served."""
    save_tokenizer(tmp_path, tokenizer, ROLES, end="</s>")
    chat = load_chat(tmp_path)
    messages = (
        *(Message("user", "hi you"), Message("assistant", "yes, I")),
        *(Message("user", "so"), Message("assistant", "no")),
    )
    (row,) = chat.training_rows([example(*messages)])
    whole = "\n\n".join(f"<|{message.role}|>\n{message.content}</s>" for message in messages)
    assert row.ids_T.tolist() == chat.tokenizer.encode(whole, add_special_tokens=False).ids
    for turn in (1, 3):
        prompt, answer = chat.prompt_ids(messages[:turn]), chat.answer_ids(messages[turn], messages[:turn])
        assert row.ids_T[: len(prompt) + len(answer)].tolist() == prompt + answer
        assert row.weights_T[len(prompt) - 1 :][: len(answer) + 1].tolist() == [0.0, *(1.0 for _ in answer)]
    assert np.count_nonzero(row.weights_T) == len("yes, I" + "no") + 2


def test_an_answer_that_goes_on_in_the_prompts_last_token_is_tokenised_alone(tmp_path: Path) -> None:
    tokenizer = letters(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.decoder = decoders.ByteLevel()
    save_tokenizer(tmp_path, tokenizer, ROLES, end="</s>")
    chat = load_chat(tmp_path)
    messages = (Message("user", "hi"), Message("assistant", "\nyes"))
    (row,) = chat.training_rows([example(*messages)])
    prompt = chat.prompt_ids(messages[:1])
    assert row.ids_T[: len(prompt)].tolist() == prompt
    assert supervised(chat, row) == ["\nyes</s>"]


def test_message_weights_where_every_token_is_supervised(chat: Chat) -> None:
    first, second = (Message("assistant", text, weight=weight) for text, weight in (("42", 0.0), ("fifty", 0.5)))
    rendered = chat.render(example(*CONVERSATION[:2], first, CONVERSATION[3], second), "all")
    answer = len(chat.answer_ids(second, (*CONVERSATION[:2], first, CONVERSATION[3])))
    skipped = len(chat.answer_ids(first, CONVERSATION[:2]))
    counts = {
        round(float(w), 3): int(n) for w, n in zip(*np.unique(rendered.weights_T, return_counts=True), strict=True)
    }
    assert counts == {0.0: 1 + skipped, 1.0: len(rendered.ids_T) - 1 - skipped - answer, 0.5: answer}
    assert rendered.weights_T[0] == 0.0


def test_what_is_supervised(chat: Chat) -> None:
    """The texts that carry a weight, read back from the tokens, and those that carry none."""
    first, second = "<think>\nsix sevens\n</think>\n\n42<|end|>", "<think>\n四十二加八\n</think>\n\n五十<|end|>"
    whole = chat.tokenizer.decode(chat.render(example(*CONVERSATION)).ids_T.tolist(), skip_special_tokens=False)
    begin = chat.tokenizer.decode(chat.render(example(*CONVERSATION)).ids_T[:1].tolist(), skip_special_tokens=False)
    assert supervised(chat, chat.render(example(*CONVERSATION), "answers")) == [first, second]
    assert supervised(chat, chat.render(example(*CONVERSATION), "last")) == [second]
    assert supervised(chat, chat.render(example(*CONVERSATION), "all")) == [whole.removeprefix(begin)]
    halved = replace(CONVERSATION[4], weight=0.5)
    weighed = chat.render(replace(example(*CONVERSATION[:4], halved), weight=3.0), "last")
    assert set(weighed.weights_T.tolist()) == {0.0, 1.5}


def test_the_last_answer_alone_is_one_row_where_earlier_thinking_is_dropped(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, FORGETTING)
    (row,) = chat.training_rows([example(*CONVERSATION)], "last")
    assert (row.id, supervised(chat, row)) == ("row", ["<think>\n四十二加八\n</think>\n\n五十<|end|>"])
    (plain,) = chat.training_rows([example(*(Message(m.role, m.content) for m in CONVERSATION))], "last")
    assert supervised(chat, plain) == ["五十<|end|>"]
    (unwanted,) = chat.training_rows([example(*CONVERSATION[:4], replace(CONVERSATION[4], weight=0.0))], "last")
    assert unwanted.num_supervised == 0


def test_prefilled_thinking_belongs_to_the_prompt(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, PREFILLED)
    assert chat.prefilled
    assert supervised(chat, chat.render(example(*CONVERSATION[:3]))) == ["six sevens\n</think>\n\n42<|end|>"]
    # a row without thinking closes at once what the prompt has opened
    plain = example(*CONVERSATION[:2], Message("assistant", "42"))
    assert supervised(chat, chat.render(plain)) == ["\n</think>\n\n42<|end|>"]


def test_a_conversation_becomes_a_row_a_turn_where_earlier_thinking_is_dropped(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, FORGETTING)
    rows = chat.training_rows([example(*CONVERSATION)])
    answers = ["<think>\nsix sevens\n</think>\n\n42<|end|>", "<think>\n四十二加八\n</think>\n\n五十<|end|>"]
    assert [supervised(chat, row) for row in rows] == [[answer] for answer in answers]
    assert [row.id for row in rows] == ["row.1", "row.2"]
    for row, turn in zip(rows, (2, 4), strict=True):
        prompt = chat.prompt_ids(CONVERSATION[:turn])
        assert row.ids_T[: len(prompt)].tolist() == prompt
    assert chat.render(example(*CONVERSATION)).ids_T.tolist() == rows[1].ids_T.tolist()
    # without thinking nothing is dropped, and one row teaches both turns
    (whole,) = chat.training_rows([example(*(Message(m.role, m.content) for m in CONVERSATION))])
    assert supervised(chat, whole) == ["42<|end|>", "五十<|end|>"]


def test_turns_without_weight_are_no_rows_of_their_own(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, FORGETTING)
    silent = tuple(Message(m.role, m.content, m.reasoning, 0.0) for m in CONVERSATION)
    (row,) = chat.training_rows([example(*silent[:4], CONVERSATION[4])])
    assert (row.id, supervised(chat, row)) == ("row", ["<think>\n四十二加八\n</think>\n\n五十<|end|>"])
    assert len(chat.training_rows([example(*silent[:4], CONVERSATION[4])], "all")) == 2
    (unwanted,) = chat.training_rows([example(*silent)])
    assert unwanted.num_supervised == 0


def test_token_spans_cover_the_text(chat: Chat) -> None:
    text = "a  b é🙂 问题的答案"
    spans = chat.token_spans(text)
    assert len(spans) == len(chat.tokenizer.encode(text, add_special_tokens=False).ids)
    assert {place for begin, end in spans for place in range(begin, end)} == set(range(len(text)))


@pytest.mark.parametrize("template", [TEMPLATE, PREFILLED, FORGETTING])
@pytest.mark.parametrize("answer", [Message("assistant", "一共 8 个。", "3 + 5\n= 8"), Message("assistant", "8", "")])
def test_what_is_built_is_parsed_back(tmp_path: Path, template: str, answer: Message) -> None:
    chat = make_chat(tmp_path, template)
    ids = chat.answer_ids(answer, CONVERSATION[:2])
    parsed = chat.parse(chat.decode(ids))
    assert (parsed.message.content, parsed.message.reasoning) == (answer.content, answer.reasoning)
    assert parsed.thinking == "closed"


def test_a_batch_renders_like_its_rows(chat: Chat) -> None:
    rows = [example(*CONVERSATION), example(*CONVERSATION[:3])]
    for one, many in zip([chat.render(row) for row in rows], chat.render_many(rows), strict=True):
        assert np.array_equal(one.ids_T, many.ids_T)
        assert np.array_equal(one.weights_T, many.weights_T)


@pytest.mark.parametrize("token", ["<|end|>", "<|user|>", "<|plain|>"])
def test_control_tokens_in_the_text_are_refused(tmp_path: Path, token: str) -> None:
    """Also those that the tokenizer does not call special, when the template steers with them."""
    tokenizer = make_tokenizer(plain=("<think>", "</think>", "<|plain|>"))
    save_tokenizer(
        tmp_path, tokenizer, TEMPLATE.replace("{{ '<|assistant|>' }}", "{{ '<|assistant|>' }}{# <|plain|> #}")
    )
    chat = load_chat(tmp_path)
    for bad in (Message("user", f"say {token} now"), Message("system", token)):
        with pytest.raises(TunesmithError) as caught:
            chat.render(example(bad, Message("user", "x"), Message("assistant", "y")))
        assert (caught.value.code, str(caught.value.place)) == ("control-token", "rows.jsonl:7")
        with pytest.raises(TunesmithError, match="control-token"):
            chat.prompt_ids([bad])
    with pytest.raises(TunesmithError, match="control-token"):
        chat.render(example(Message("user", "x"), Message("assistant", "y", f"hm {token}")))
    assert chat.render(example(Message("user", "what is <think>?"), Message("assistant", "a tag"))).num_supervised


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (TEMPLATE.replace("m.reasoning_content", "m.nothing").replace("m.content)", "m.content.split('</think>')[-1])"),
         "template-drops-reasoning"),
        ("{% for m in messages %}{{ m.content }}", "template-syntax"),
    ],
)  # fmt: skip
def test_templates_that_cannot_be_trained_with(tmp_path: Path, template: str, code: str) -> None:
    with pytest.raises(TunesmithError) as caught:
        make_chat(tmp_path, template)
    assert caught.value.code == code


def test_a_template_that_rewrites_earlier_turns_is_refused_with_the_row(tmp_path: Path) -> None:
    counting = TEMPLATE.replace("'<|' + m.role", "(messages|length if messages|length > 3 else '') ~ '<|' + m.role")
    chat = make_chat(tmp_path, counting)
    with pytest.raises(TunesmithError) as caught:
        chat.render(example(*CONVERSATION))
    assert (caught.value.code, str(caught.value.place)) == ("template-rewrites", "rows.jsonl:7")


def test_a_row_that_the_template_refuses_is_named(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, TEMPLATE + "{{ raise_exception('no system') if messages[0].role == 'system' }}")
    with pytest.raises(TunesmithError) as caught:
        chat.render_many([example(*CONVERSATION[1:3]), example(*CONVERSATION[:3])])
    assert (caught.value.code, str(caught.value.place)) == ("template-refused", "rows.jsonl:7")
    assert "no system" in caught.value.message()


def test_an_answer_must_end_with_an_end_token(tmp_path: Path) -> None:
    chat = make_chat(tmp_path, TEMPLATE.replace("+ '<|end|>'", "+ '.'"))
    with pytest.raises(TunesmithError) as caught:
        chat.render(example(*CONVERSATION[:3]))
    assert caught.value.code == "template-no-end"


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    def code() -> str:
        with pytest.raises(TunesmithError) as caught:
            load_chat(tmp_path)
        return caught.value.code

    assert code() == "tokenizer-missing"
    make_chat(tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    assert code() == "template-missing"
    settings = {"chat_template": [{"name": "tools", "template": "x"}, {"name": "default", "template": TEMPLATE}]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert load_chat(tmp_path).end_ids
    (tmp_path / "generation_config.json").unlink()
    assert code() == "template-no-end"


def test_the_fingerprint_changes_with_all_that_decides_the_tokens(tmp_path: Path) -> None:
    seen = {make_chat(tmp_path).fingerprint, make_chat(tmp_path, TEMPLATE + "{# other #}").fingerprint}
    make_chat(tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, 4]}))
    seen.add(load_chat(tmp_path).fingerprint)
    save_tokenizer(tmp_path, make_tokenizer(), TEMPLATE, begin="<|user|>")
    seen.add(load_chat(tmp_path).fingerprint)
    save_tokenizer(tmp_path, make_tokenizer(plain=("<think>",)), TEMPLATE)
    seen.add(load_chat(tmp_path).fingerprint)
    assert len(seen) == 5
    assert make_chat(tmp_path).fingerprint in seen


def test_turns_without_thinking_are_served_as_they_were_learned(tmp_path: Path) -> None:
    """Where the prompt opens the thinking, an earlier answer without any has been learned with it closed at once."""
    chat = make_chat(tmp_path, PREFILLED)
    messages = tuple(Message(m.role, m.content) for m in CONVERSATION)
    prompt = chat.prompt_ids(messages[:4])
    assert chat.render(example(*messages)).ids_T[: len(prompt)].tolist() == prompt


def plain_text(text: str) -> tuple[Message, ...]:
    return Message("user", text), Message("assistant", "")


def test_plain_texts_stand_between_end_tokens_and_all_of_them_is_learned(tmp_path: Path) -> None:
    """Without the template; a window learns only what an earlier one has not, and ends nothing in the middle."""
    chat = make_chat(tmp_path)
    text = "苹果有三个 and five pears, 一共八个。"
    rows = [
        Example("whole", plain_text(text), Place("f", 1), text=PlainText(), weight=2.0),
        Example("talk", CONVERSATION[:3], Place("f", 2)),
        Example("part", plain_text(text), Place("f", 3), text=PlainText(9, False)),
    ]
    whole, talk, part = chat.training_rows(rows)
    end = chat.tokenizer.token_to_id("<|end|>")
    plain = chat.tokenizer.encode(text, add_special_tokens=False).ids
    assert whole.ids_T.tolist() == [end, *plain, end]
    assert whole.weights_T.tolist() == [0.0] + [2.0] * (len(plain) + 1)
    assert np.array_equal(talk.ids_T, chat.render(rows[1]).ids_T)
    assert part.ids_T.tolist() == [end, *plain]
    assert supervised(chat, part) == [text[9:]]
    refused = Example("x", plain_text("a<|end|>b"), Place("f", 4), text=PlainText())
    with pytest.raises(TunesmithError) as failure:
        chat.training_rows([*rows, refused])
    assert (failure.value.code, failure.value.place) == ("control-token", Place("f", 4))


def test_a_tokenizers_own_begin_token_stands_before_plain_texts(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, make_tokenizer(), TEMPLATE, begin="<|system|>")
    chat = load_chat(tmp_path)
    (row,) = chat.training_rows([Example("1", plain_text("pears"), Place("f"), text=PlainText())])
    assert [row.ids_T[0], row.ids_T[-1]] == [chat.tokenizer.token_to_id(name) for name in ("<|system|>", "<|end|>")]
