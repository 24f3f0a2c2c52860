"""Tokenizers in GGUF files, read back by transformers' own reading of such files; and those that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader
from gguf_material import conversations, texts
from tiny_models import TEMPLATE, make_model, make_tokenizer, save_model, save_tokenizer
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer

from tunesmith.chat import load_chat
from tunesmith.errors import TunesmithError
from tunesmith.export.gguf import FILE, write_gguf
from tunesmith.export.gguf_check import read_header
from tunesmith.export.gguf_reading import has_chat
from tunesmith.export.gguf_tokenizer import LLAMA3, QWEN2, TEKKEN, gguf_tokenizer
from tunesmith.model.base import find_base
from tunesmith.records import Message

ByteLevel = pre_tokenizers.ByteLevel


def read_back(folder: Path) -> Tokenizer:
    architecture, told, _ = get_gguf_tokenizer(str(folder / FILE))
    found: Tokenizer = convert_gguf_tokenizer(architecture, told)[0]
    return found


@pytest.mark.thorough
def test_200_prompts_of_the_embedded_base_are_the_same_tokens(tmp_path: Path) -> None:
    base = find_base("builtin:tiny")
    chat = load_chat(base.folder)
    write_gguf(base.folder, chat, tmp_path, name="tiny")
    theirs = read_back(tmp_path)
    for talk in conversations():
        ids = chat.prompt_ids(talk)
        assert theirs.encode(chat.decode_all(ids), add_special_tokens=False).ids == ids
    answer = "<think>\nsix times seven\n</think>\n\n42<|im_end|>\n"
    ids = chat.tokenizer.encode(answer, add_special_tokens=False).ids
    assert theirs.encode(answer, add_special_tokens=False).ids == ids


def cut(*steps: Any, ignore_merges: bool = False) -> Tokenizer:
    """The tiny tests' tokenizer with another cutting."""
    tokenizer = make_tokenizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(list(steps))
    told = json.loads(tokenizer.to_str())
    told["model"]["ignore_merges"] = ignore_merges
    return Tokenizer.from_str(json.dumps(told))


def split(pattern: str, **changes: Any) -> Any:
    return pre_tokenizers.Split(Regex(pattern), **{"behavior": "isolated", **changes})


PLAIN_BYTES = ByteLevel(add_prefix_space=False, use_regex=False)
CUTS = {
    "qwen2": cut(split(QWEN2), PLAIN_BYTES),
    "llama-bpe": cut(split(LLAMA3), PLAIN_BYTES, ignore_merges=True),
    "smaug-bpe": cut(split(LLAMA3), PLAIN_BYTES),
    "tekken": cut(split(TEKKEN), PLAIN_BYTES, ignore_merges=True),
    "smollm": cut(pre_tokenizers.Digits(individual_digits=True), ByteLevel(add_prefix_space=False)),
    "gpt-2": make_tokenizer(),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(CUTS))
def test_each_cutting_has_its_name_and_reads_texts_as_before(tmp_path: Path, name: str) -> None:
    merged = save_model(tmp_path / "merged", make_model("qwen2"))
    save_tokenizer(merged, CUTS[name], TEMPLATE)
    chat = load_chat(merged)
    write_gguf(merged, chat, tmp_path / "gguf", name="cut")
    told = {key: field.contents() for key, field in GGUFReader(tmp_path / "gguf" / FILE).fields.items()}
    assert told["tokenizer.ggml.pre"] == name
    theirs = read_back(tmp_path / "gguf")
    if name == "smollm":  # transformers has no cutting for it, and takes GPT-2's
        return
    for text in texts():
        ids = chat.tokenizer.encode(text, add_special_tokens=False).ids
        assert theirs.encode(text, add_special_tokens=False).ids == ids, text


def test_what_the_file_says_of_tokens(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    begin = tokenizer.token_to_id("<|system|>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|system|> $A", special_tokens=[("<|system|>", begin)]
    )
    merged = save_model(tmp_path / "merged", make_model("llama"))
    save_tokenizer(merged, tokenizer, TEMPLATE, begin="<|system|>")
    (merged / "generation_config.json").write_text(json.dumps({"eos_token_id": [tokenizer.token_to_id("<|user|>")]}))
    chat = load_chat(merged)
    write_gguf(merged, chat, tmp_path / "gguf", name="told")
    told = {key: field.contents() for key, field in GGUFReader(tmp_path / "gguf" / FILE).fields.items()}
    tokens, types = told["tokenizer.ggml.tokens"], told["tokenizer.ggml.token_type"]
    assert len(tokens) == len(types) == 320
    assert tokens[: tokenizer.get_vocab_size()] == [
        tokenizer.id_to_token(id) for id in range(tokenizer.get_vocab_size())
    ]
    assert {token for token, kind in zip(tokens, types, strict=True) if kind == 3} == {
        *("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
    }
    assert {token for token, kind in zip(tokens, types, strict=True) if kind == 4} == {"<think>", "</think>"}
    unused = [token for token, kind in zip(tokens, types, strict=True) if kind == 5]
    assert unused == [f"[PAD{id}]" for id in range(tokenizer.get_vocab_size(), 320)]
    assert told["tokenizer.ggml.model"] == "gpt2"
    assert told["tokenizer.ggml.bos_token_id"] == begin
    assert told["tokenizer.ggml.eos_token_id"] == tokenizer.token_to_id("<|end|>")
    assert told["tokenizer.ggml.eot_token_id"] == tokenizer.token_to_id("<|user|>")
    assert told["tokenizer.ggml.add_bos_token"] is True
    assert told["tokenizer.ggml.add_eos_token"] is False
    assert told["tokenizer.chat_template"] == TEMPLATE
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    assert told["tokenizer.ggml.merges"] == [" ".join(merge) for merge in merges]


def test_every_end_token_is_named_or_the_form_refused(tmp_path: Path) -> None:
    """Llama 3.1 has three: of a text, of a message, of a turn."""
    merged = save_model(tmp_path / "merged", make_model("llama"))
    ids = [load_chat(merged).tokenizer.token_to_id(token) for token in ("<|user|>", "<|system|>", "<|assistant|>")]
    (merged / "generation_config.json").write_text(json.dumps({"eos_token_id": ids[:2]}))
    chat = load_chat(merged)
    write_gguf(merged, chat, tmp_path / "gguf", name="told")
    header = read_header(tmp_path / "gguf" / FILE)
    named = {header.metadata[f"tokenizer.ggml.{name}_token_id"] for name in ("eos", "eot", "eom")}
    assert named == chat.end_ids == {chat.end_id, *ids[:2]}
    assert has_chat(header, chat)
    del header.metadata["tokenizer.ggml.eom_token_id"]
    assert not has_chat(header, chat)
    (merged / "generation_config.json").write_text(json.dumps({"eos_token_id": ids}))
    with pytest.raises(TunesmithError, match="form-setting"):
        gguf_tokenizer(load_chat(merged), 320)


def changed(**changes: Any) -> Tokenizer:
    tokenizer = make_tokenizer()
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    return tokenizer


def with_added(**changes: bool) -> Tokenizer:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([AddedToken("<tool>", **changes)])
    return tokenizer


def adding_ends() -> Tokenizer:
    tokenizer = make_tokenizer()
    end = tokenizer.token_to_id("<|end|>")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=[("<|end|>", end)])
    return tokenizer


def whole_words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<|end|>": 1}, unk_token="a"))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


@pytest.mark.parametrize(
    ("tokenizer", "problem"),
    [
        (changed(normalizer=normalizers.Lowercase()), "normalizer: Lowercase"),
        (changed(pre_tokenizer=pre_tokenizers.Metaspace()), "Metaspace"),
        (changed(pre_tokenizer=ByteLevel(add_prefix_space=True)), "add_prefix_space"),
        (cut(split(QWEN2), PLAIN_BYTES, ignore_merges=True), "ignore_merges: True"),
        (cut(split(QWEN2 + "|x"), PLAIN_BYTES), "|x"),
        (cut(split(QWEN2, behavior="removed"), PLAIN_BYTES), "Removed"),
        (cut(split(QWEN2, invert=True), PLAIN_BYTES), "true"),
        (cut(split(QWEN2), ByteLevel(add_prefix_space=False)), "ByteLevel"),
        (with_added(lstrip=True), "<tool>"),
        (with_added(single_word=True), "<tool>"),
        (adding_ends(), "post_processor"),
        (whole_words(), "model: WordLevel"),
    ],
)
def test_tokenizers_that_llama_cpp_would_read_otherwise_are_refused(
    tmp_path: Path, tokenizer: Tokenizer, problem: str
) -> None:
    save_tokenizer(tmp_path, tokenizer, TEMPLATE)
    with pytest.raises(TunesmithError) as caught:
        gguf_tokenizer(load_chat(tmp_path), 320)
    assert caught.value.code == "form-tokenizer"
    assert problem in caught.value.message("en")
    assert problem in caught.value.message("zh")


def test_more_tokens_than_rows_are_refused(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, make_tokenizer(), TEMPLATE)
    chat = load_chat(tmp_path)
    assert chat.prompt_ids([Message("user", "x")])
    size = chat.tokenizer.get_vocab_size()
    gguf_tokenizer(chat, size)
    with pytest.raises(TunesmithError, match="form-tokenizer"):
        gguf_tokenizer(chat, size - 1)
