"""A tiny Marian model, saved and loaded as any other: batches say what one text at a time says, token by token."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from prepare_material import Listening, runner, write_jsonl
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tiny_models import make_tokenizer
from transformers import (
    AutoTokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tunesmith.errors import TunesmithError
from tunesmith.prepare.translator import translate_texts
from tunesmith.runtime import Runtime

TEXTS = ["Where is my parcel?", "It was delivered to another house, and nobody there knows of it.", "包裹在哪里？"]


def plain_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    return PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(), eos_token="<|end|>", pad_token="<|system|>")


def marian_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of the published models: two of SentencePiece and one vocabulary."""
    folder.mkdir()
    for side in ("source", "target"):
        SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS * 4),
            model_prefix=str(folder / side),
            vocab_size=64,
            bos_id=-1,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        (folder / f"{side}.vocab").unlink()
    pieces = SentencePieceProcessor(model_file=str(folder / "source.spm"))
    names = dict.fromkeys(["</s>", *map(pieces.id_to_piece, range(pieces.get_piece_size())), "<pad>"])
    (folder / "vocab.json").write_text(json.dumps({name: n for n, name in enumerate(names)}), encoding="utf-8")
    return MarianTokenizer.from_pretrained(folder)


def save_marian(folder: Path, seed: int, make: Callable[[Path], PreTrainedTokenizerBase] = plain_tokenizer) -> str:
    """Random weights; as in Marian's models, decoding starts with the token that pads."""
    tokenizer = make(folder)
    torch.manual_seed(seed)
    config = MarianConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        init_std=0.5,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=None,
    )
    model = MarianMTModel(config)
    model.generation_config.max_length = 24
    model.generation_config.num_beams = 1
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@torch.no_grad()
def greedy(folder: str, text: str) -> str:
    """One text, the likeliest token 24 times at most, with the whole decoder run anew for each."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = MarianMTModel.from_pretrained(folder).eval()
    source = tokenizer([text], return_tensors="pt", truncation=True, max_length=64)["input_ids"]
    ids = [model.config.decoder_start_token_id]
    while len(ids) < 24 and ids[-1] != model.config.eos_token_id:
        logits = model(input_ids=source, decoder_input_ids=torch.tensor([ids])).logits[0, -1]
        ids.append(int(logits.argmax()))
    return str(tokenizer.decode(ids, skip_special_tokens=True)).strip()


@pytest.mark.parametrize("make", [plain_tokenizer, marian_tokenizer])
def test_a_batch_says_what_each_text_alone_says(
    tmp_path: Path, make: Callable[[Path], PreTrainedTokenizerBase]
) -> None:
    folder = save_marian(tmp_path / "marian", 3, make)
    long = " ".join(TEXTS * 6)
    found = translate_texts([*TEXTS, long], folder)
    assert found == [greedy(folder, text) for text in [*TEXTS, long]]
    assert len(set(found)) > 1
    assert translate_texts([], folder) == []


def test_a_model_without_a_table_of_positions_translates(tmp_path: Path) -> None:
    tokenizer = plain_tokenizer(tmp_path)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=8,
        d_kv=4,
        d_ff=8,
        num_layers=1,
        num_heads=2,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config.max_length = 24
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert len(translate_texts(TEXTS, str(tmp_path))) == len(TEXTS)


def test_rows_go_through_both_models_and_nonsense_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    run = runner(tmp_path / "artifacts", runtime, Listening())
    there, back = save_marian(tmp_path / "there", seed=3), save_marian(tmp_path / "back", seed=4)
    source = write_jsonl(
        tmp_path / "rows.jsonl", [{"question": f"{text} {n}", "answer": "a"} for n in range(5) for text in TEXTS]
    )
    method = {"name": "back-translation", "there": there, "back": back, "languages": ["en"]}
    dataset = run(source, validation_share=0.0, test_share=0.0, augment={"methods": [method]})
    report = dataset.report().augment
    assert report is not None
    (making,) = report.methods
    assert (making.made, making.kept, making.model) == (10, 0, f"{there}, {back}")
    assert sum(making.rejected.values()) == 10


@pytest.mark.parametrize("content", [None, {}, {"model_type": "marian"}])
def test_a_folder_without_a_model_is_said_so(tmp_path: Path, content: dict[str, str] | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(str(content).replace("'", '"'), encoding="utf-8")
    with pytest.raises(TunesmithError) as caught:
        translate_texts(["a"], str(tmp_path if content is not None else tmp_path / "none"))
    assert caught.value.code == "translator"
