"""Training rows held against expected inputs: coverage, distance and the regions that are missing."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from prepare_material import Run, write_jsonl

from tunesmith.artifacts.quality import Representativeness
from tunesmith.errors import TunesmithError
from tunesmith.prepare.quality.representativeness import (
    COVERED_IF_ALIKE,
    expected_texts,
    nearest,
    regions,
    squared_distances,
    vectors,
)
from tunesmith.text.ngrams import ngrams

TOPICS = {
    "loans": ["mortgage", "lender", "interest", "instalment", "credit", "borrow", "bank", "collateral", "rate", "debt"],
    "garden": ["tulip", "soil", "spade", "compost", "rose", "lawn", "watering", "seedling", "hedge", "pruning"],
    "cards": ["信用卡", "额度", "账单", "还款", "刷卡", "年费", "挂失", "激活", "积分", "密码"],
    "travel": ["航班", "护照", "签证", "行李", "酒店", "机票", "登机", "旅行", "景点", "导游"],
}


def texts(topic: str, num_texts: int, seed: int) -> list[str]:
    draw = random.Random(f"{topic} {seed}")
    space = "" if topic in ("cards", "travel") else " "
    return [space.join(draw.choices(TOPICS[topic], k=7)) for _ in range(num_texts)]


def found_for(run: Run, folder: Path, trained: list[str], expected: list[str], **quality: str) -> Representativeness:
    source = write_jsonl(folder / "rows.jsonl", [{"question": text, "answer": "ok"} for text in trained])
    (folder / "served.txt").write_text("\n".join(expected) + "\n\n", encoding="utf-8")
    dataset = run(source, quality={"expected": str(folder / "served.txt"), **quality}, test_share=0, validation_share=0)
    report = dataset.quality()
    assert report is not None
    assert report.representativeness is not None
    return report.representativeness


@pytest.mark.thorough
def test_inputs_of_the_same_kind_are_covered(tmp_path: Path, run: Run) -> None:
    known = [text for topic in ("loans", "cards") for text in texts(topic, 100, 1)]
    served = [text for topic in ("loans", "cards") for text in texts(topic, 100, 2)]
    found = found_for(run, tmp_path, known, served)
    # 200 texts, each covered with a probability of 0.95, up to what the estimated threshold adds
    assert abs(found.covered - COVERED_IF_ALIKE) < 0.06
    assert found.p_value > 0.05
    assert abs(found.distance) < 0.005
    assert (found.texts, found.rows) == (len(set(served)), len(set(known)))


def test_missing_regions_are_found_apart(tmp_path: Path, run: Run) -> None:
    known = [text for topic in ("loans", "cards") for text in texts(topic, 60, 1)]
    missing = {topic: texts(topic, num_texts, 2) for topic, num_texts in (("garden", 40), ("travel", 25))}
    served = [*texts("loans", 60, 2), *missing["garden"], *missing["travel"]]
    found = found_for(run, tmp_path, known, served)
    assert found.p_value == 1 / 1000
    assert found.covered == pytest.approx(60 / 125, abs=0.05)
    first, second, *others = found.regions
    assert sum(region.texts for region in others) <= 5
    assert set(first.examples) <= set(missing["garden"])
    assert set(second.examples) <= set(missing["travel"])
    assert first.share == pytest.approx(first.texts / 125, abs=1e-6)
    assert sum(region.texts for region in found.regions) == round((1 - found.covered) * 125)


def test_vectors_are_tf_idf_of_character_runs_and_the_nearest_is_the_largest_cosine() -> None:
    trained, expected = texts("garden", 12, 1), [*texts("garden", 5, 2), "花园 rose"]
    train, other = vectors(trained, expected)
    both = [
        [gram for word in text.split() for n in (2, 3, 4) for gram in map("".join, ngrams(f" {word} ", n))]
        for text in (*trained, *expected)
    ]
    names = sorted({gram for grams in both for gram in grams})
    idf = {name: np.log((1 + len(both)) / (1 + sum(name in grams for grams in both))) + 1 for name in names}
    table = np.array(
        [[(1 + np.log(n)) * idf[name] if (n := grams.count(name)) else 0 for name in names] for grams in both]
    )
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    cosine = table @ table.T
    num_train = len(trained)
    assert nearest(other, train) == pytest.approx(cosine[num_train:, :num_train].max(axis=1))
    among = cosine[:num_train, :num_train] - 2 * np.eye(num_train)
    assert nearest(train[:7], train, skip_self=True) == pytest.approx(among.max(axis=1)[:7])
    assert squared_distances(train, other) == pytest.approx(((table[:, None] - table[None]) ** 2).sum(axis=2), abs=1e-9)


def test_few_missing_texts_are_one_region_with_the_most_typical_in_front() -> None:
    _, missing = vectors(["x"], ["rose rose lawn", "rose lawn", "rose lawn hedge soil", "spade"])
    (region,) = regions(missing)
    assert sorted(region) == [0, 1, 2, 3]
    assert region[-1] == 3
    assert regions(missing[:0]) == []


def test_expected_texts_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    asked = ["How do I start?", "怎么退款？"]
    (tmp_path / "a.txt").write_text("\n".join(["", *asked, " "]), encoding="utf-8")
    turns = [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": text}]
        for text in asked
    ]
    (tmp_path / "b.jsonl").write_text(
        "".join(
            json.dumps({"messages": said, "id": 1}) + "\n" for said in [*turns, [{"role": "assistant", "content": "x"}]]
        ),
        encoding="utf-8",
    )
    for name, column in (("c.csv", "Question"), ("d.csv", "用户原话")):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["n", column], *([1, text] for text in asked)])
    assert list(expected_texts(str(tmp_path / "a.txt"), None)) == asked
    assert list(expected_texts(str(tmp_path / "b.jsonl"), None)) == asked
    assert list(expected_texts(str(tmp_path / "c.csv"), None)) == asked
    assert list(expected_texts(str(tmp_path / "d.csv"), "用户原话")) == asked
    for name, column in (("d.csv", None), ("c.csv", "Questions")):
        with pytest.raises(TunesmithError) as caught:
            list(expected_texts(str(tmp_path / name), column))
        assert caught.value.code in ("column-absent", "column-missing")


@pytest.mark.thorough
def test_the_prompt_style_stands_around_expected_inputs_too(tmp_path: Path, run: Run) -> None:
    known, served = texts("loans", 80, 1), texts("loans", 80, 2)
    plain = found_for(run, tmp_path, known, served)
    source = str(tmp_path / "rows.jsonl")
    quality = {"expected": str(tmp_path / "served.txt")}
    options = {
        "test_share": 0,
        "validation_share": 0,
        "prompt_style": "Dear adviser of ours, {prompt} - please answer!\n<think>{reasoning}</think>\n{answer}",
    }
    report = run(source, quality=quality, out="styled", **options).quality()
    assert report is not None
    assert report.representativeness is not None
    assert abs(report.representativeness.covered - plain.covered) < 0.05
    assert report.representativeness.p_value > 0.05


def test_what_is_shown_of_expected_inputs_holds_no_personal_data(tmp_path: Path, run: Run) -> None:
    known = write_jsonl(tmp_path / "a.jsonl", [{"question": text, "answer": "ok"} for text in texts("loans", 60, 1)])
    served = [f"{text} jane.roe{n}@example.org" for n, text in enumerate(texts("cards", 60, 1))]
    (tmp_path / "served.txt").write_text("\n".join(served), encoding="utf-8")
    options = {"quality": {"expected": str(tmp_path / "served.txt")}, "personal": {"mode": "mask"}}
    dataset = run(known, test_share=0, validation_share=0, **options)
    report = dataset.quality()
    assert report is not None
    assert report.representativeness is not None
    shown = report.representativeness.regions[0].examples[0]
    assert "[EMAIL]" in shown
    assert b"jane.roe" not in b"".join(file.read_bytes() for file in dataset.folder.iterdir())


def test_one_text_is_no_sample(tmp_path: Path, run: Run) -> None:
    with pytest.raises(TunesmithError) as caught:
        found_for(run, tmp_path, texts("loans", 9, 1), ["one", "one"])
    assert caught.value.code == "quality-expected"
    assert "1" in caught.value.message("zh")
