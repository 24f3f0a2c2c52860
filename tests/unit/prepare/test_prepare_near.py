from __future__ import annotations

import json
import random
import unicodedata
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from prepare_material import Run, rejects_of, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.prepare.near import NUM_PLACES, banding
from tunesmith.records import SPLITS
from tunesmith.text.shingles import Likeness, shingles

TEXT = """
account balance transfer branch deposit savings interest mortgage overdraft statement currency exchange
payment merchant refund receipt invoice contract warranty delivery courier package address customer
technician repair battery screen charger keyboard speaker window garden kitchen bicycle helmet engine
ticket platform luggage
"""
ENGLISH = TEXT.split()
CHINESE = "账户余额转账支行存款储蓄利息按揭透支报表货币兑换支付商户退款收据发票合同保修快递包裹地址客户技师维修电池屏幕"
NONE_DRAWN = {"test_share": 0.0, "validation_share": 0.0}


@cache
def grams_of(text: str) -> frozenset[str]:
    """Character 5-grams of the letters and digits, written the plain way."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(character for character in folded if character.isalnum())
    return frozenset(letters[start : start + 5] for start in range(max(1, len(letters) - 4)) if letters)


def jaccard(one: str, other: str) -> float:
    first, second = grams_of(one), grams_of(other)
    num_shared = len(first & second)
    return num_shared / (len(first) + len(second) - num_shared)


def english(draw: random.Random, num_words: int = 20) -> list[str]:
    return draw.choices(ENGLISH, k=num_words)


def chinese(draw: random.Random, num_characters: int = 60) -> list[str]:
    return draw.choices(CHINESE, k=num_characters)


def changed(draw: random.Random, units: list[str], number: int, alphabet: list[str]) -> list[str]:
    units = list(units)
    for place in draw.sample(range(len(units)), number):
        units[place] = draw.choice(alphabet)
    return units


def texts_with_near_duplicates() -> list[str]:
    """Of each of 20 texts in either language, copies with 0 to 4 changed words or characters."""
    draw = random.Random(3)
    texts = []
    for _ in range(20):
        words, characters = english(draw), chinese(draw)
        for number in range(5):
            texts.append(" ".join(changed(draw, words, number, ENGLISH)).capitalize() + "?")
            texts.append("".join(changed(draw, characters, number, list(CHINESE))) + "！")
    draw.shuffle(texts)
    return list(dict.fromkeys(texts))


def write_prompts(folder: Path, prompts: list[str]) -> str:
    rows = [{"question": prompt, "answer": f"answer {number}"} for number, prompt in enumerate(prompts)]
    return write_jsonl(folder / "a.jsonl", rows)


def clusters_of(dataset: Dataset) -> set[frozenset[str]]:
    """The clusters as the prompts in them."""
    prompts = {example.id: example.prompt[-1].content for split in SPLITS for example in dataset.rows(split)}
    lines = (dataset.folder / "clusters.jsonl").read_text(encoding="utf-8").splitlines()
    return {frozenset(prompts[member] for member in json.loads(line)["rows"]) for line in lines}


def components(texts: list[str], threshold: float) -> set[frozenset[str]]:
    """Every pair compared, then joined: what a search without any signature finds."""
    cluster = {text: {text} for text in texts}
    for one, other in combinations(texts, 2):
        if cluster[one] is not cluster[other] and jaccard(one, other) >= threshold:
            cluster[one] |= cluster[other]
            for text in cluster[other]:
                cluster[text] = cluster[one]
    return {frozenset(members) for members in cluster.values() if len(members) > 1}


@pytest.mark.thorough
@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_clusters_are_those_of_comparing_every_pair(tmp_path: Path, run: Run, threshold: float) -> None:
    texts = texts_with_near_duplicates()
    dataset = run(write_prompts(tmp_path, texts), duplicates={"threshold": threshold})
    expected = components(texts, threshold)
    assert clusters_of(dataset) == expected
    report = dataset.report()
    assert (report.clusters, report.near_duplicates) == (len(expected), sum(map(len, expected)))
    assert report.clusters > 30
    # and each of them in one split
    split_of = {example.prompt[-1].content: split for split in SPLITS for example in dataset.rows(split)}
    assert all(len({split_of[text] for text in cluster}) == 1 for cluster in expected)
    assert report.proof.holds
    assert report.splits["test"] == pytest.approx(0.1 * len(texts), abs=3)


def test_shingles_are_character_5_grams_of_letters_and_digits() -> None:
    texts = [
        "How do I pay?",
        "",
        "HOW DO I PAY",
        "Ｈow do I pay in 2026",
        "如何退货，换货？",
        "退货",
        "…",
        "x\0yz12 3",
        "𠀀𠀁",
    ]
    keys, bounds = shingles(texts)
    found = [set(keys[begin:end].tolist()) for begin, end in pairwise(bounds.tolist())]
    expected = [grams_of(text.replace("\0", "")) for text in texts]
    assert list(map(len, found)) == list(map(len, expected))
    for one, other in combinations(range(len(texts)), 2):
        assert len(found[one] & found[other]) == len(expected[one] & expected[other]), (texts[one], texts[other])


def test_long_passages_that_are_common_count_nothing_and_short_ones_count() -> None:
    instruction = "Please answer the following question in one short sentence:"
    common = np.unique(shingles([instruction, "how do i"])[0])
    texts = [f"{instruction} How do I pay?", "How do I pay?", "", "how do i"]
    sets = Likeness(0.8, common).each_set(texts)
    assert [len(found) for found in sets] == [5 + 4, 5, 0, 2]
    assert set(sets[1].tolist()) <= set(sets[0].tolist())


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
def test_banding_finds_nearly_every_pair_at_the_threshold(threshold: float) -> None:
    num_bands, num_places = banding(threshold)
    assert num_bands * num_places <= NUM_PLACES
    assert 1 - (1 - threshold**num_places) ** num_bands >= 0.99
    # one place more would find fewer
    fewer = NUM_PLACES // (num_places + 1)
    assert fewer == 0 or 1 - (1 - threshold ** (num_places + 1)) ** fewer < 0.99


def test_an_instruction_that_all_prompts_share_ties_none(tmp_path: Path, run: Run) -> None:
    draw = random.Random(0)
    labels = "Choose one of: " + ", ".join(" ".join(english(draw, 3)) for _ in range(30))
    texts = [f"{labels}\nText: {' '.join(english(draw, 4))} {n}" for n in range(60)]
    twin = texts[0][: -len("0")] + "0 please"
    assert all(jaccard(texts[0], text) > 0.8 for text in texts)
    dataset = run(write_prompts(tmp_path, [*texts, twin]))
    # a twin is found by what is its own, and the instruction ties no row to another
    assert clusters_of(dataset) <= {frozenset((texts[0], twin))}
    assert dataset.report().splits["test"] == 6


def test_near_duplicates_are_dropped_only_when_asked_and_the_first_stays(tmp_path: Path, run: Run) -> None:
    draw = random.Random(1)
    question, answer = english(draw, 30), english(draw, 30)
    near_question = changed(draw, question, 1, ["altered"])
    near_answer = changed(draw, answer, 1, ["altered"])
    other_answer = english(draw, 30)
    rows = [
        {"question": " ".join(asked), "answer": " ".join(said)}
        for asked, said in (
            (question, answer),
            (near_question, near_answer),
            (near_question, other_answer),
            (english(draw, 30), answer),
        )
    ]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    kept = run(file, out="kept", **NONE_DRAWN)
    assert len(kept.rows("train")) == 4
    assert kept.report().near_duplicates == 3
    dropped = run(file, out="dropped", duplicates={"near": "drop"}, **NONE_DRAWN)
    # another answer to a near question is no duplicate, nor is an equal answer to another question
    assert [example.place.line for example in dropped.rows("train")] == [1, 3, 4]
    assert [(row["line"], row["reason"], row["detail"]) for row in rejects_of(dropped)] == [
        (2, "near-duplicate", f"{file}:1")
    ]
    report = dropped.report()
    assert (report.bad, report.near_duplicates, report.read) == (0, 2, report.kept + report.rejected)
    first, third, _ = dropped.rows("train")
    lines = (dropped.folder / "clusters.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"representative": first.id, "rows": [first.id, third.id]}]


def test_near_rows_with_other_labels_or_signs_for_answers_are_kept(tmp_path: Path, run: Run) -> None:
    draw = random.Random(2)
    text = english(draw, 30)
    near = changed(draw, text, 1, ["altered"])
    labels = [{"text": " ".join(text), "label": "yes"}, {"text": " ".join(near), "label": "no"}]
    signs = [{"question": " ".join(text), "answer": "+"}, {"question": " ".join(near), "answer": "-"}]
    for name, rows in {"labels": labels, "signs": signs}.items():
        file = write_jsonl(tmp_path / f"{name}.jsonl", rows)
        dataset = run(file, out=name, duplicates={"near": "drop"}, **NONE_DRAWN)
        assert dataset.report().kept == 2


@pytest.mark.parametrize("held_out", ["test", "validation"])
def test_training_rows_near_a_held_out_prompt_are_cut_with_its_place(tmp_path: Path, run: Run, held_out: str) -> None:
    draw = random.Random(4)
    asked = [chinese(draw) for _ in range(20)]
    near = ["".join(changed(draw, text, 1, list(CHINESE))) for text in asked[:5]]
    train = [{"question": text, "answer": "甲"} for text in near]
    train += [{"question": "".join(chinese(draw)), "answer": "乙"} for _ in range(20)]
    held = [{"question": "".join(text), "answer": "丙"} for text in asked]
    made = [
        {"path": write_jsonl(tmp_path / "train.jsonl", train), "split": "train"},
        {"path": write_jsonl(tmp_path / "held.jsonl", held), "split": held_out},
    ]
    dataset = run(made, validation_share=0.0)
    assert [(row["line"], row["reason"], row["detail"]) for row in rejects_of(dataset)] == [
        (line, f"near-{held_out}-row", f"{tmp_path / 'held.jsonl'}:{line}") for line in range(1, 6)
    ]
    assert len(dataset.rows("train")) == 20


def test_a_held_out_prompt_in_the_other_script_is_near(tmp_path: Path, run: Run) -> None:
    asked = ["手机开机后屏幕没有显示，应该怎么办？", "订单已经发货，还能修改收货地址吗？"]
    train = ["手機開機後螢幕沒有顯示，應該怎麼辦？", "訂單已經發貨，還能修改收貨地址嗎？", "發票可以補開嗎？"]
    files = {
        split: write_jsonl(tmp_path / f"{split}.jsonl", [{"question": text, "answer": "好"} for text in texts])
        for split, texts in {"train": train, "test": asked}.items()
    }
    made = [{"path": file, "split": split} for split, file in files.items()]
    dataset = run(made, validation_share=0.0)
    assert [(row["line"], row["reason"]) for row in rejects_of(dataset)] == [(2, "near-test-row")]
    assert len(dataset.rows("train")) == 2  # 螢幕 is another word for 屏幕
