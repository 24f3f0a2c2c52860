"""Neighbours among input embeddings: against the plain definition, and what may not stand for what."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from prepare_material import Run, write_jsonl
from word_models import save_words

from tunesmith.engine.neighbours import LEAST_COSINE, NUM_NEIGHBOURS, neighbouring_words
from tunesmith.errors import TunesmithError
from tunesmith.prepare import Fits, identity
from tunesmith.prepare.neighbours import may_replace, write_neighbours
from tunesmith.prepare.synonyms import lexicon
from tunesmith.recipe import Prepare
from tunesmith.records import Example

ENGLISH = tuple(map("".join, product("bct", "aeo", "lr", "kp")))
CHINESE = ("包裹", "邮件", "天气", "气候", "香蕉", "老虎", "退款", "付款")
NO_WORDS = ("Parcel", "ab1", "包", "包a")


def random_words(folder: Path) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    vectors = {word: random.normal(size=6).round(2) for word in (*ENGLISH, *CHINESE, *NO_WORDS)}
    save_words(folder, {word: tuple(vector.tolist()) for word, vector in vectors.items()})
    return vectors


def mutual(words: tuple[str, ...], vectors: dict[str, np.ndarray]) -> set[frozenset[str]]:
    """The definition, pair by pair."""
    mean = np.mean([vectors[word] for word in words], axis=0)

    def cosine(one: str, other: str) -> float:
        a, b = vectors[one] - mean, vectors[other] - mean
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    nearest = {
        one: sorted((other for other in words if other != one), key=lambda other: -cosine(one, other))[:NUM_NEIGHBOURS]
        for one in words
    }
    return {
        frozenset((one, other))
        for one, other in combinations(words, 2)
        if one in nearest[other] and other in nearest[one] and cosine(one, other) >= LEAST_COSINE
    }


def test_pairs_are_mutual_neighbours_of_one_script(tmp_path: Path) -> None:
    vectors = random_words(tmp_path / "base")
    found = {frozenset(pair) for pair in neighbouring_words(tmp_path / "base")}
    assert found == mutual(ENGLISH, vectors) | mutual(CHINESE, vectors)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("parcel", "package", True),
        ("退款", "还款", True),
        ("order", "orders", False),
        ("increase", "decrease", False),
        ("上涨", "下跌", False),
        ("because", "therefore", False),
        ("without", "lacking", False),
        ("three", "seven", False),
        ("cat", "tiger", False),
        ("我们", "客户", False),
    ],
)
def test_what_plainly_means_something_else_is_left_out(one: str, other: str, expected: bool) -> None:
    assert may_replace(one, other) is may_replace(other, one) is expected


def test_the_written_file_is_one_of_synonyms(tmp_path: Path) -> None:
    vectors = random_words(tmp_path / "base")
    file = tmp_path / "neighbours.txt"
    write_neighbours(tmp_path / "base", file)
    expected = {pair for pair in mutual(ENGLISH, vectors) | mutual(CHINESE, vectors) if may_replace(*pair)}
    found = {frozenset((word, other)) for word, others in lexicon(str(file)).items() for other in others}
    assert found == expected


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError) as caught:
        list(neighbouring_words(tmp_path))
    assert caught.value.code == "neighbours-model"


def count(row: Example) -> int:
    return 1


def spans(text: str) -> list[tuple[int, int]]:
    return []


@pytest.mark.thorough
def test_synonyms_without_a_source_are_the_models(run: Run, tmp_path: Path) -> None:
    base = tmp_path / "base"
    save_words(base, {"parcel": (1.0, 0.0), "package": (1.0, 0.1), "tiger": (-1.0, 1.0), "planet": (-1.0, -1.0)})
    rows = [{"question": f"where is my parcel number {n * 37} now?", "answer": f"a{n}"} for n in range(20)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    fits, augment = Fits(count, spans, 10, "words", base), {"methods": ["synonyms"], "classifier": False}
    dataset = run(source, fits=fits, augment=augment)
    made = [row for row in dataset.rows("train") if "augmented_by" in row.metadata]
    assert made
    assert all("my package number" in row.prompt[-1].content for row in made)
    section = Prepare.model_validate({"sources": source, "augment": augment})
    key = identity(section, 0, fits).key()
    assert key == dataset.key
    save_words(tmp_path / "other", {"parcel": (1.0, 0.0), "package": (-1.0, 0.1)})
    assert identity(section, 0, Fits(count, spans, 10, "words", tmp_path / "other")).key() != key
    for known in (None, Fits(count, spans, 10, "words")):
        with pytest.raises(TunesmithError) as caught:
            run(source, out="none", fits=known, augment=augment)
        assert caught.value.code == "neighbours-unknown"
