"""Rows that mean the same in other words, by a tiny encoder to which synonyms are one vector."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prepare_material import Run, rejects_of, write_jsonl
from tiny_models import make_model, save_model
from transformers import BertConfig, BertModel, BertTokenizerFast

from tunesmith.artifacts import Dataset
from tunesmith.engine.embed import Encoder
from tunesmith.errors import TunesmithError
from tunesmith.prepare.semantic import alike
from tunesmith.records import SPLITS

SYNONYMS = {"refund": "reimbursement", "parcel": "package", "lost": "missing", "yes": "sure"}
WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SYNONYMS, *SYNONYMS.values()),
    *("how", "do", "i", "get", "a", "my", "is", "the", "card", "broken", "kettle", "no", "ask"),
]


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without layers: a text is the mean of its words' vectors, and a synonym has the vector of its word."""
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=len(WORDS), num_hidden_layers=0, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=32,
    )  # fmt: skip
    model = BertModel(config)
    with torch.no_grad():
        vectors = torch.eye(len(WORDS))
        for word, synonym in SYNONYMS.items():
            vectors[WORDS.index(synonym)] = vectors[WORDS.index(word)]
        model.embeddings.word_embeddings.weight.copy_(vectors)
        model.embeddings.position_embeddings.weight.zero_()
        model.embeddings.token_type_embeddings.weight.zero_()
    model.save_pretrained(folder)
    return folder


QUESTIONS = {
    "how do i get a refund": "yes ask",
    "how do i get a reimbursement": "sure ask",
    "my parcel is lost": "no",
    "my package is missing": "yes",
    "the card is broken": "no",
    "the kettle is broken": "no ask",
}


def prepared(run: Run, folder: Path, encoder: Path, **semantic: Any) -> Dataset:
    rows = [{"question": question, "answer": answer} for question, answer in QUESTIONS.items()]
    section = {"semantic": {"model": str(encoder), "threshold": 0.99, **semantic}}
    file = write_jsonl(folder / "rows.jsonl", rows)
    return run(file, duplicates=section, test_share=0.4, validation_share=0.1)


def clusters_of(dataset: Dataset) -> list[list[str]]:
    prompts = {row.id: row.messages[0].content for split in SPLITS for row in dataset.rows(split)}
    lines = (dataset.folder / "clusters.jsonl").read_text(encoding="utf-8").splitlines()
    return [[prompts[member] for member in json.loads(line)["rows"]] for line in lines]


def test_paraphrases_are_one_cluster_in_one_split(tmp_path: Path, run: Run, encoder_folder: Path) -> None:
    dataset = prepared(run, tmp_path, encoder_folder)
    prompts = list(QUESTIONS)
    assert clusters_of(dataset) == [prompts[:2], prompts[2:4]]
    split_of = {row.messages[0].content: split for split in SPLITS for row in dataset.rows(split)}
    assert all(split_of[one] == split_of[other] for one, other in (prompts[:2], prompts[2:4]))
    assert dataset.report().kept == 6


def test_the_first_row_stays_where_prompt_and_answer_mean_the_same(
    tmp_path: Path, run: Run, encoder_folder: Path
) -> None:
    dataset = prepared(run, tmp_path, encoder_folder, action="drop")
    (reject,) = rejects_of(dataset)
    # the parcels have different answers
    assert (reject["reason"], reject["line"]) == ("semantic-duplicate", 2)
    assert reject["detail"].endswith("rows.jsonl:1")
    assert dataset.report().bad == 0


def test_a_training_row_that_paraphrases_a_test_row_goes(tmp_path: Path, run: Run, encoder_folder: Path) -> None:
    rows = [{"question": question, "answer": answer} for question, answer in QUESTIONS.items()]
    test = write_jsonl(tmp_path / "test.jsonl", rows[1:2])
    train = write_jsonl(tmp_path / "train.jsonl", [rows[0], *rows[2:]])
    section = {"semantic": {"model": str(encoder_folder), "threshold": 0.99}}
    dataset = run([{"path": train}, {"path": test, "split": "test"}], duplicates=section)
    (reject,) = rejects_of(dataset)
    assert (reject["reason"], reject["line"]) == ("near-test-row", 1)


def test_a_made_row_that_paraphrases_a_test_row_goes(tmp_path: Path, run: Run, encoder_folder: Path) -> None:
    """`broken` may become `lost` here: that parcel is the test's package."""
    (tmp_path / "synonyms.txt").write_text("broken, lost\n")
    held_out = write_jsonl(tmp_path / "test.jsonl", [{"question": "my package is missing", "answer": "no"}])
    rows = [{"question": question, "answer": "no"} for question in ("my parcel is broken", "the kettle is broken")]
    dataset = run(
        [write_jsonl(tmp_path / "train.jsonl", rows), {"path": held_out, "split": "test"}],
        validation_share=0.0,
        duplicates={"semantic": {"model": str(encoder_folder), "threshold": 0.99}},
        augment={
            "methods": [{"name": "synonyms", "source": str(tmp_path / "synonyms.txt")}],
            "min_similarity": 0.0,
        },
    )
    made = [row.messages[0].content for row in dataset.rows("train") if "augmented_by" in row.metadata]
    assert made == ["the kettle is lost"]
    report = dataset.report().augment
    assert report is not None
    assert report.methods[0].rejected == {"augment-near-held-out": 1}


def test_every_pair_is_compared_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(50, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = {(one, two) for one, two in combinations(range(50), 2) if float(vectors[one] @ vectors[two]) >= 0.8}
    assert len(expected) > 20
    for size in (7, 50, 2048):
        monkeypatch.setattr("tunesmith.prepare.semantic._BLOCK_ROWS", size)
        found = [pair for ones, others in alike(vectors, 0.8) for pair in zip(ones, others, strict=True)]
        assert set(found) == expected
        assert len(found) == len(expected)


def test_a_language_model_gives_the_mean_of_its_last_states(tmp_path: Path) -> None:
    model = make_model("qwen2", "sdpa")
    folder = save_model(tmp_path, model)
    texts = ["What is the answer?", "问题", "", "The answer is forty-two, because six times seven is forty-two."]
    encoder = Encoder(folder)
    found = encoder.embed(texts)
    for text, vector in zip(texts, found, strict=True):
        ids = encoder._tokenizer(text)["input_ids"]
        if not ids:
            assert not vector.any()
            continue
        with torch.no_grad():
            states = model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0].double()
        expected = (states.mean(0) / states.mean(0).norm()).numpy()
        np.testing.assert_allclose(vector, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("pooling", "place"), [({"pooling_mode_cls_token": True}, 0), ({"pooling_mode": "lasttoken"}, -1)]
)
def test_a_sentence_encoder_says_itself_how_it_pools(
    tmp_path: Path, encoder_folder: Path, pooling: dict[str, Any], place: int
) -> None:
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    for file in encoder_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    vector = Encoder(tmp_path).embed(["my card"])[0]
    assert WORDS[int(vector.argmax())] == ("[CLS]", "[SEP]")[place]


def test_folders_that_cannot_be_used_are_named(tmp_path: Path, encoder_folder: Path, run: Run) -> None:
    with pytest.raises(TunesmithError, match="encoder-folder"):
        prepared(run, tmp_path, tmp_path / "absent")
    modules = [{"path": "", "type": "sentence_transformers.models.Dense"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(TunesmithError, match="encoder-folder") as caught:
        Encoder(tmp_path)
    assert caught.value.parameters["problem"] == "Dense"
