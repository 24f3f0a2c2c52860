"""Published chat templates: our text and tokens against those of transformers."""

from __future__ import annotations

import random
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tiny_models import make_tokenizer, save_tokenizer
from transformers import PreTrainedTokenizerFast

from tunesmith.chat import Chat, load_chat
from tunesmith.chat.template import as_field, as_inline
from tunesmith.errors import Place
from tunesmith.records import Example, Message

R1 = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>")
R1_STEERING = ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")
QWEN = ("<|im_start|>", "<|im_end|>")
LLAMA3 = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")
TEMPLATES = {
    "deepseek_r1_distill": (R1, R1_STEERING, R1[0], R1[1]),
    "qwen2_5": (QWEN, ("<think>", "</think>"), None, QWEN[1]),
    "qwen3": (QWEN, ("<think>", "</think>"), None, QWEN[1]),
    "llama3": (LLAMA3, ("<think>", "</think>"), LLAMA3[0], LLAMA3[1]),
}
WORDS = ["apples", "7", "and", "问题", "答案是", "{{ x }}", "a  b", "line\nbreak", "é", "🙂", "<b>", "'quoted'", "%"]


def shipped(name: str) -> str:
    return (files("trl") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def pair(folder: Path, name: str) -> tuple[Chat, PreTrainedTokenizerFast]:
    """One tokenizer with one template, in our hands and in transformers'."""
    special, plain, begin, end = TEMPLATES[name]
    tokenizer = make_tokenizer(special, plain)
    save_tokenizer(folder, tokenizer, shipped(name), end=end, begin=begin)
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, bos_token=begin)
    theirs.chat_template = shipped(name)
    return load_chat(folder), theirs


def conversation(rng: random.Random) -> list[Message]:
    """A system message now and then, one to three turns, thinking in some answers."""

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))

    messages = [Message("system", text())] if rng.random() < 0.5 else []
    for _ in range(rng.randint(1, 3)):
        messages += [Message("user", text()), Message("assistant", text(), text() if rng.random() < 0.5 else None)]
    return messages


def thinking(messages: list[Message]) -> list[Message]:
    """The same with empty thinking where an answer has none."""
    return [replace(m, reasoning=m.reasoning or "") if m.role == "assistant" else m for m in messages]


def plain(messages: list[Message]) -> list[Message]:
    return [replace(message, reasoning=None) for message in messages]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_prompts_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    """Also R1's, whose template shows no thinking of earlier turns: a server hands it their answers alone."""
    chat, theirs = pair(tmp_path, name)
    as_fields = as_field if name == "qwen3" else as_inline
    rng = random.Random(5)
    for _ in range(40):
        messages = conversation(rng)[:-1]
        fields = [as_fields(message) for message in (plain(messages) if chat.prefilled else messages)]
        text = theirs.apply_chat_template(fields, tokenize=False, add_generation_prompt=True)
        assert chat.tokenizer.encode(text, add_special_tokens=False).ids == chat.prompt_ids(messages)
        ids = theirs.apply_chat_template(fields, tokenize=True, add_generation_prompt=True, return_dict=False)
        assert ids == chat.prompt_ids(messages)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_training_rows_begin_with_the_prompt_and_end_with_the_answer(tmp_path: Path, name: str) -> None:
    chat, theirs = pair(tmp_path, name)
    rng = random.Random(6)
    for _ in range(40):
        messages = conversation(rng)
        if name == "qwen3":  # its template opens and closes the thinking of every last answer
            messages[-1] = Message("assistant", messages[-1].content, messages[-1].reasoning or "")
        rendered = chat.render(Example("", tuple(messages), Place("")))
        prompt = chat.prompt_ids(messages[:-1])
        assert rendered.ids_T[: len(prompt)].tolist() == prompt
        assert (rendered.weights_T[len(prompt) :] == 1.0).all()
        assert rendered.ids_T[-1] == theirs.eos_token_id
        parsed = chat.parse(chat.decode(rendered.ids_T[len(prompt) :].tolist())).message
        assert parsed.content == messages[-1].content.strip()
        assert (parsed.reasoning or "") == (messages[-1].reasoning or "")


def test_r1_trains_every_turn_as_it_is_served(tmp_path: Path) -> None:
    """k turns are k rows: the prompt as the published template makes it, the answer as its published twin does."""
    chat, theirs = pair(tmp_path, "deepseek_r1_distill")
    twin = shipped("deepseek_r1_distill_training")
    assert chat.prefilled
    rng = random.Random(7)
    for _ in range(40):
        # R1 always thinks, so that a row without thinking is one with empty thinking
        messages = thinking(conversation(rng))
        turns = [i for i, message in enumerate(messages) if message.role == "assistant"]
        rows = chat.training_rows([Example("row", tuple(messages), Place(""))])
        assert [row.id for row in rows] == (
            ["row"] if len(turns) == 1 else [f"row.{n}" for n in range(1, len(turns) + 1)]
        )
        for row, turn in zip(rows, turns, strict=True):
            history = [as_inline(message) for message in plain(messages[:turn])]
            shown = [*history, as_inline(messages[turn])]
            expected = theirs.apply_chat_template(shown, chat_template=twin, tokenize=True, return_dict=False)
            served = theirs.apply_chat_template(history, add_generation_prompt=True, tokenize=True, return_dict=False)
            assert row.ids_T.tolist() == expected
            assert row.ids_T[: len(served)].tolist() == served
            assert row.weights_T.tolist() == [0.0] * len(served) + [1.0] * (len(expected) - len(served))


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_answer_is_learned_once_after_its_own_prompt(tmp_path: Path, name: str) -> None:
    """In as few rows as the template allows: one where nothing of earlier turns is dropped."""
    chat, _ = pair(tmp_path, name)
    rng = random.Random(8)
    num_rows = num_turns = 0
    for _ in range(40):
        messages = conversation(rng)
        if name == "qwen3":
            messages = thinking(messages)
        turns = [i for i, message in enumerate(messages) if message.role == "assistant"]
        rows = chat.training_rows([Example("", tuple(messages), Place(""))])
        learned = []
        for row in rows:
            starts = np.flatnonzero((row.weights_T[1:] > 0) & (row.weights_T[:-1] == 0)) + 1
            learned += [row.ids_T[:start].tolist() for start in starts]
        assert learned == [chat.prompt_ids(messages[:turn]) for turn in turns]
        num_rows += len(rows)
        num_turns += len(turns)
    assert num_rows == (num_turns if name in ("deepseek_r1_distill", "qwen3") else 40)


def test_the_original_of_r1_would_drop_the_thinking(tmp_path: Path) -> None:
    _, theirs = pair(tmp_path, "deepseek_r1_distill")
    fields = [as_inline(Message("user", "q")), as_inline(Message("assistant", "a", "hidden"))]
    assert "hidden" not in theirs.apply_chat_template(fields, tokenize=False)
