"""Which base is advised, on scores whose truth is known, and what is read from its files and the rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tunesmith.chat import load_chat
from tunesmith.errors import Place
from tunesmith.model.base import find_base
from tunesmith.model.licence import licence_of
from tunesmith.plan.bases import BaseFacts, advise_base, row_facts
from tunesmith.records import Example, Message

FACTS = BaseFacts("small", 100, 2048, (10, 20, 30, 40), 1.0, {"en": 0.25}, "mit", 1_000, True)
BIG = replace(FACTS, reference="big", train_bytes=9_000)


def right(share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (np.arange(100) < 100 * share).astype(np.float64)


def test_the_better_base_goes_before_and_of_equal_ones_the_smaller() -> None:
    assert advise_base([FACTS, BIG], "accuracy", {"small": right(0.3), "big": right(0.8)}, 0).advised == "big"
    alike = advise_base([FACTS, BIG], "accuracy", {"small": right(0.79), "big": right(0.8)}, 0)
    assert (alike.advised, alike.tied) == ("small", ("big",))
    assert alike.differences["big"].mean == pytest.approx(0.01)


def test_what_does_not_fit_is_never_advised() -> None:
    scores = {"small": right(0.3), "big": right(0.8)}
    assert advise_base([FACTS, replace(BIG, fits_memory=False)], "accuracy", scores, 0).advised == "small"
    assert advise_base([FACTS, replace(BIG, share_that_fits=0.9)], "accuracy", scores, 0).advised == "small"
    assert advise_base([replace(BIG, fits_memory=False)], "accuracy", scores, 0).advised is None


def test_the_licence_is_the_cards(tmp_path: Path) -> None:
    assert licence_of(tmp_path) is None
    (tmp_path / "LICENSE.txt").write_text("words")
    assert licence_of(tmp_path) == "LICENSE.txt"
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\ntags: [a]\n---\n# A model\n")
    assert licence_of(tmp_path) == "apache-2.0"
    (tmp_path / "README.md").write_text("# A model --- of --- ours\n")
    assert licence_of(tmp_path) == "LICENSE.txt"
    (tmp_path / "README.md").write_text("\ufeff---\r\nmodel_name: a --- b\r\nlicense: mit\r\n---\r\n# A model\n")
    assert licence_of(tmp_path) == "mit"
    (tmp_path / "README.md").write_text("---\nlicense: [mit\n\ttags: x\n---\n# A card that is no YAML\n")
    assert licence_of(tmp_path) == "LICENSE.txt"


def test_lengths_and_tokens_per_character_are_those_of_the_tokenizer() -> None:
    base = find_base("builtin:tiny")
    chat = load_chat(base.folder)
    texts = ("where is my lamp", "my kettle is broken", "我的台灯在哪里")
    rows = [
        Example(str(n), (Message("user", text), Message("assistant", text)), Place("rows"))
        for n, text in enumerate(texts)
    ]
    quantiles, share, rates = row_facts(chat, base, rows)
    lengths = [len(chat.render(row).ids_T) for row in rows]
    assert (quantiles[-1], share) == (max(lengths), 1.0)
    english = [len(chat.token_spans(text)) for text in texts[:2]]
    assert rates["en"] == pytest.approx(sum(english) / sum(len(text) for text in texts[:2]))
    assert set(rates) == {"en", "zh"}
    tight = replace(base, config=base.config | {"max_position_embeddings": sorted(lengths)[0]})
    assert row_facts(chat, tight, rows)[1] == pytest.approx(sum(length <= min(lengths) for length in lengths) / 3)
