from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, rejects_of, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.dataset import Contamination
from tunesmith.prepare.contamination import _runs, _words
from tunesmith.text.ngrams import ngrams
from tunesmith.text.tokens import words
from tunesmith.text.traditional import simplified

WORDS = [f"word{number}" for number in range(4_000)]
HAN = [chr(code) for code in range(0x4E00, 0x5600)]


def listed(dataset: Dataset) -> list[tuple[str, str, int]]:
    lines = (dataset.folder / "contamination.jsonl").read_text(encoding="utf-8").splitlines()
    return [(Path(row["against"]).name, Path(row["file"]).name, row["line"]) for row in map(json.loads, lines)]


def rows_of(texts: list[str], answer: str = "answer") -> list[dict[str, Any]]:
    return [{"question": text, "answer": f"{answer} {number}"} for number, text in enumerate(texts)]


def split_files(folder: Path, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"path": write_jsonl(folder / "train.jsonl", train), "split": "train"},
        {"path": write_jsonl(folder / "test.jsonl", test), "split": "test"},
    ]


@pytest.mark.parametrize("n", [1, 3, 8])
def test_runs_are_those_of_the_words(n: int) -> None:
    texts = [
        "How do I pay? How do I pay in 2026, in the snake_case of a don't",
        "",
        "iPhone 15 无法开机！怎么办，iPhone 15 无法开机",
        "ＨＯＷ ＤＯ I pay in ２０２６ in the snake case of a don t",
        "iPhone 15 無法開機 カタカナ ひらがな 々〇 𠀀𠀁 naïve Straße ﬁne",
        "a" * 200 + " b c d e f g h " + "a" * 199,
        "one\0two three\nfour five six seven eight nine",
    ]
    keys, of_text = _runs(*_words(texts), n)
    expected = [ngrams(words(simplified(text.replace("\0", " "))), n) for text in texts]
    found = [keys[of_text == place].tolist() for place in range(len(texts))]
    assert list(map(len, found)) == list(map(len, expected))
    assert [len(set(part)) for part in found] == [len(set(part)) for part in expected]
    for one, other in combinations(range(len(texts)), 2):
        assert len(set(found[one]) & set(found[other])) == len(set(expected[one]) & set(expected[other]))


@pytest.mark.parametrize("units", [WORDS, HAN])
def test_runs_of_the_test_are_found_in_what_training_rows_say(tmp_path: Path, run: Run, units: list[str]) -> None:
    draw = random.Random(0)
    joint = " " if units is WORDS else ""
    test = [draw.sample(units, 40) for _ in range(30)]
    train = [draw.sample(units, 60) for _ in range(100)]
    answers = [draw.sample(units, 60) for _ in range(100)]
    for row, length in {3: 13, 4: 12, 5: 8, 6: 7, 7: 20}.items():
        begin = draw.randrange(40 - length)
        place = draw.randrange(60 - length)
        # in questions and in answers alike
        (train if row % 2 else answers)[row][place : place + length] = test[row][begin : begin + length]
    rows = [
        {"question": joint.join(asked), "answer": joint.join(said)} for asked, said in zip(train, answers, strict=True)
    ]
    dataset = run(split_files(tmp_path, rows, rows_of([joint.join(text) for text in test])), validation_share=0.0)
    file = tmp_path / "train.jsonl"
    assert dataset.report().contamination == [
        Contamination(
            against="test", rows=30, cut=0, sharing_8_grams=4, sharing_13_grams=2, places=[f"{file}:4", f"{file}:8"]
        )
    ]
    assert listed(dataset) == [("test", "train.jsonl", 4), ("test", "train.jsonl", 8)]
    assert len(dataset.rows("train")) == 100


def test_the_answers_of_the_test_and_common_phrases_count_nothing(tmp_path: Path, run: Run) -> None:
    draw = random.Random(1)
    phrase = " ".join(draw.sample(WORDS, 20))
    train = rows_of([f"{phrase} {' '.join(draw.sample(WORDS, 30))}" for _ in range(15)], phrase)
    for number, test in enumerate(
        (
            # a canned answer; a phrase that stands in more than ten training rows; one in more than ten test rows
            rows_of([" ".join(draw.sample(WORDS, 30)) for _ in range(5)], phrase),
            rows_of([f"{' '.join(draw.sample(WORDS, 30))} {phrase}" for _ in range(5)]),
            rows_of([f"{' '.join(draw.sample(WORDS, 30))} {phrase}" for _ in range(12)]),
        )
    ):
        part = train[:5] if number == 2 else train
        dataset = run(split_files(tmp_path, part, test), out=str(number), validation_share=0.0)
        (found,) = dataset.report().contamination
        assert (found.sharing_8_grams, found.sharing_13_grams, found.cut) == (0, 0, 0)


def test_benchmarks_cut_what_repeats_them_and_are_never_kept(tmp_path: Path, run: Run) -> None:
    draw = random.Random(2)
    questions = [draw.sample(WORDS, 30) for _ in range(40)]
    asked = [" ".join(text) for text in questions]
    exact, near = asked[0].upper(), " ".join([*questions[1][:-1], "altered"])
    overlapping = " ".join([*draw.sample(WORDS, 20), *questions[2][:15], *draw.sample(WORDS, 20)])
    train = [" ".join(draw.sample(WORDS, 30)) for _ in range(50)]
    file = write_jsonl(tmp_path / "rows.jsonl", rows_of([exact, near, overlapping, *train]))
    benchmarks = [
        write_jsonl(tmp_path / "bench.jsonl", rows_of(asked)),
        write_jsonl(tmp_path / "clean.jsonl", rows_of([" ".join(draw.sample(WORDS, 30)) for _ in range(10)])),
    ]
    dataset = run(file, contamination=benchmarks, test_share=0.0, validation_share=0.0)
    assert [(row["line"], row["reason"], Path(row["detail"]).name) for row in rejects_of(dataset)] == [
        (1, "repeats-benchmark-row", "bench.jsonl:1"),
        (2, "near-benchmark-row", "bench.jsonl:2"),
    ]
    report = dataset.report()
    assert (report.read, report.kept, report.rejected, report.bad) == (53, 51, 2, 0)
    assert [source.file for source in report.sources] == [file]
    assert [Path(found.against).name for found in report.contamination] == ["test", "bench.jsonl", "clean.jsonl"]
    of_test, dirty, clean = report.contamination
    assert (dirty.rows, dirty.cut, dirty.sharing_8_grams, dirty.sharing_13_grams) == (40, 2, 1, 1)
    assert dirty.places == [f"{file}:3"]
    assert (of_test.rows, clean.rows, clean.cut, clean.sharing_8_grams) == (0, 10, 0, 0)
    assert listed(dataset) == [("bench.jsonl", "rows.jsonl", 3)]


def test_a_benchmark_is_part_of_the_datasets_key(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "rows.jsonl", rows_of([f"q {n}" for n in range(20)]))
    benchmark = write_jsonl(tmp_path / "bench.jsonl", rows_of(["b 1"]))
    one = run(file, out="one", contamination=benchmark)
    write_jsonl(tmp_path / "bench.jsonl", rows_of(["b 2"]))
    assert one.key != run(file, out="two", contamination=benchmark).key
