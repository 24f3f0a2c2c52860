"""Prompt styles: what is learned stands after what is served, and transformers renders the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from tiny_models import make_tokenizer, save_tokenizer
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from tunesmith.chat import load_chat
from tunesmith.chat.styles import STYLES
from tunesmith.errors import Place, TunesmithError
from tunesmith.recipe import PromptStyle
from tunesmith.records import Example, Message

TALK = (
    Message("system", "Be brief."),
    Message("user", "几点了？"),
    Message("assistant", "Noon.", "The sun stands high."),
    Message("user", "And now?"),
    Message("assistant", "One."),
)
SHOWN = {
    "bare": "Be brief.\n几点了？\n",
    "plain": "Be brief.\n\nQuestion: 几点了？\nAnswer:",
    "plain-zh": "Be brief.\n\n问：几点了？\n答：",
    "alpaca": "Be brief.\n\n### Instruction:\n几点了？\n\n### Response:\n",
}


@pytest.fixture(params=["", "<|system|>"], ids=["plain", "begins"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A model folder without a template, whose tokenizer begins each text with a token, or not."""
    tokenizer = make_tokenizer()
    if request.param:
        special = [(request.param, tokenizer.token_to_id(request.param))]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{request.param} $A", special_tokens=special)
    save_tokenizer(tmp_path, tokenizer, "")
    (tmp_path / "chat_template.jinja").unlink()
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}  # as GPT-2's, which names no end token
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def test_every_style_is_tested() -> None:
    assert set(SHOWN) == set(STYLES) == set(get_args(PromptStyle))


@pytest.mark.parametrize("style", SHOWN)
def test_prompts_and_answers(folder: Path, style: PromptStyle) -> None:
    chat = load_chat(folder, style)
    begin = chat.decode_all(chat.tokenizer.encode("").ids)
    assert chat.decode_all(chat.prompt_ids(TALK[:2])) == begin + SHOWN[style]
    (row,) = chat.training_rows([Example("1", TALK, Place(""))])
    learned = [token for token, weight in zip(row.ids_T.tolist(), row.weights_T, strict=True) if weight]
    assert chat.decode_all(learned).replace(" ", "") == (
        "<think>\nThesunstandshigh.\n</think>\n\nNoon.<|end|>One.<|end|>"
    )
    served = chat.prompt_ids(TALK[:4])
    assert row.ids_T[: len(served)].tolist() == served
    assert chat.parse(chat.decode(chat.answer_ids(TALK[2], TALK[:2])[:-1])).message == TALK[2]


@pytest.mark.parametrize("style", SHOWN)
def test_transformers_renders_the_saved_template_so(folder: Path, style: PromptStyle) -> None:
    chat = load_chat(folder, style)
    assert chat.is_styled
    (folder / "chat_template.jinja").write_text(chat.source, encoding="utf-8")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    fields = [{"role": message.role, "content": message.content} for message in TALK[:2]]
    theirs = tokenizer.apply_chat_template(fields, add_generation_prompt=True, return_dict=False)
    assert chat.prompt_ids(TALK[:2]) == theirs
    again = load_chat(folder)
    assert not again.is_styled
    assert again.fingerprint == chat.fingerprint


def test_a_base_without_template_and_style_is_refused(folder: Path) -> None:
    with pytest.raises(TunesmithError) as refused:
        load_chat(folder)
    assert refused.value.code == "template-missing"
    assert "model.prompt_style=plain" in refused.value.hint("en")
