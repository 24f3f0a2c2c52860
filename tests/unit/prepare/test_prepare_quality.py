"""The 3C score: each part against something worked out in another way."""

from __future__ import annotations

import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_material import Run, write_jsonl

from tunesmith.artifacts import Dataset, QualityReport
from tunesmith.artifacts.quality import FAULTS, Criterion, Part
from tunesmith.errors import Place, TunesmithError
from tunesmith.i18n import LANGUAGES, translate
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.prepare.quality.arithmetic import sums
from tunesmith.prepare.quality.completeness import MISSING_FIELDS, OPEN_REASONING
from tunesmith.prepare.quality.consistency import agree, formats, minorities
from tunesmith.prepare.quality.formats import UNLEARNED, format_of, name_of
from tunesmith.prepare.quality.label_noise import (
    NUM_FOLDS,
    confident_disagreement,
    confident_joint,
    cross_validated,
    features,
    folds,
)
from tunesmith.records import Example, Message

WORDS = [f"{one}{two}" for one in ("ko", "la", "mi", "nu", "pe", "ra") for two in ("bat", "dor", "fen", "gil")]


def sentence(draw: random.Random, num_words: int = 8) -> str:
    return " ".join(draw.choices(WORDS, k=num_words)) + f" {draw.randrange(10**6)}"


def report_of(dataset: Dataset) -> QualityReport:
    report = dataset.quality()
    assert report is not None
    for criterion in (report.consistency, report.completeness, report.correctness):
        product = 1.0
        for name, part in criterion.parts.items():
            assert all(translate(f"quality.part.{name}", language) for language in LANGUAGES)
            assert part.score == pytest.approx(1 - part.faulty / part.judged, abs=1e-6)
            product *= part.score
        assert criterion.score == (pytest.approx(product, abs=1e-5) if criterion.parts else None)
    return report


def faults_of(dataset: Dataset) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (dataset.folder / FAULTS).read_text(encoding="utf-8").splitlines()]


def lines(faults: list[dict[str, Any]], part: str) -> list[int]:
    return sorted(int(row["place"].rpartition(":")[2]) for row in faults if row["part"] == part)


def example(answer: str, reasoning: str | None = None, **parts: Any) -> Example:
    return Example("", (Message("user", "?"), Message("assistant", answer, reasoning)), Place("f", 1), **parts)


def test_minorities_are_those_of_a_count_by_hand() -> None:
    draw = random.Random(3)
    for _ in range(200):
        num_rows = draw.randrange(1, 30)
        cluster = [draw.randrange(6) for _ in range(num_rows)]
        value = [draw.randrange(3) for _ in range(num_rows)]
        expected: dict[int, int] = {}
        several = set()
        for place in set(cluster):
            members = [row for row in range(num_rows) if cluster[row] == place]
            counts = Counter(value[row] for row in members)
            # of equally many, the value that comes first
            best = max(counts, key=lambda v: (counts[v], -next(row for row in members if value[row] == v)))
            against = next(row for row in members if value[row] == best)
            expected |= {row: against for row in members if value[row] != best}
            several |= set(members) if len(counts) > 1 else set()
        faulty, against_F, contested = minorities(np.array(cluster), np.array(value))
        assert dict(zip(faulty.tolist(), against_F.tolist(), strict=True)) == expected
        assert set(np.flatnonzero(contested).tolist()) == several


def test_formats_are_told_apart_and_expected_of_three_quarters() -> None:
    said = {
        "text": example("A whole sentence."),
        "number": example(" $1,250.50 "),
        "JSON object": example('{"a": 1}'),
        "JSON list with thinking": example("[1, 2]", "hm"),
        "broken JSON": example('{"a": 1'),
        "label": example("5", label="5"),
    }
    assert {name: name_of(format_of(row)) for name, row in said.items()} == {name: name for name in said}
    assert format_of(example("[" * 100_000)) == format_of(said["text"])
    assert format_of(example("no", desirable=False)) == UNLEARNED

    def faulty(*names: str) -> list[int]:
        codes = np.array([format_of(said[name]) for name in names])
        return formats(
            codes, np.zeros(len(codes), dtype=np.int64), np.arange(len(codes), dtype=np.int32)
        ).rows_F.tolist()

    assert faulty("number", "text", "number", "number") == [1]
    assert faulty("number", "text", "number", "text") == []
    # where plain text is the rule, a number is one too
    assert faulty("text", "text", "text", "number") == []
    assert faulty("text", "text", "text", "JSON list with thinking") == [3]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("You can return it within 7 days.", "Returns are possible within 7 days, you can return it.", True),
        ("You can return it within 7 days.", "You can return it within 14 days.", False),
        ("Yes, this phone has a warranty.", "No, this phone has a warranty.", False),
        ("Paris", "paris.", True),
        ("Paris", "London", False),
        ("可以在七天内退货。", "七天内可以退货。", True),
        ("可以退货。", "不可以退货。", False),
        ("當然可以更換手機。", "沒有辦法更換手機。", False),
        ("对不起，这款手机缺货。", "不好意思，这款手机缺货。", True),
        ("需要 20 元", "需要 30 元", False),
    ],
)
def test_answers_agree_or_contradict(one: str, other: str, expected: bool) -> None:
    assert agree(one, other) is agree(other, one) is expected


def test_rows_that_contradict_most_others_are_found(tmp_path: Path, run: Run) -> None:
    draw = random.Random(1)
    asked = [sentence(draw) for _ in range(20)]
    rows = [{"question": text, "answer": f"It takes {number} days."} for number, text in enumerate(asked)]
    rows += [{"question": asked[3].upper(), "answer": "It takes 3 days, no more."}]
    rows += [{"question": asked[3], "answer": "It takes 33 days."}, {"question": asked[7], "answer": "Never."}]
    dataset = run(write_jsonl(tmp_path / "rows.jsonl", rows))
    report = report_of(dataset)
    assert lines(faults_of(dataset), "answers") == [22, 23]
    assert report.consistency.parts["answers"] == Part(score=round(1 - 2 / 23, 6), judged=23, faulty=2)
    worst = {row.detail: row.against for row in report.consistency.worst}
    assert worst == {"It takes 33 days.": f"{tmp_path}/rows.jsonl:4", "Never.": f"{tmp_path}/rows.jsonl:8"}
    assert report.correctness == Criterion(score=None, parts={}, worst=[])


def test_labels_of_near_duplicates_and_their_spelling(tmp_path: Path, run: Run) -> None:
    draw = random.Random(2)
    rows = [{"text": sentence(draw), "label": ("up", "down hill")[number % 2]} for number in range(40)]
    rows += [{"text": rows[0]["text"] + "!!", "label": "down hill"}, {"text": rows[2]["text"] + " x", "label": "up"}]
    rows[5] = rows[5] | {"label": "Down_Hill"}
    dataset = run(write_jsonl(tmp_path / "rows.jsonl", rows))
    report = report_of(dataset)
    faults = faults_of(dataset)
    assert (lines(faults, "labels"), lines(faults, "spelling")) == ([41], [6])
    assert [row["detail"] for row in faults] == ["down hill / up", "Down_Hill / down hill"]
    # these labels have nothing to do with the texts, which tell no right one from a wrong one
    assert report.correctness.score is None


def test_confident_disagreement_is_the_published_rule() -> None:
    generator = np.random.default_rng(4)
    probability = generator.dirichlet(np.ones(4) * 0.5, size=300)
    labels = np.array([generator.choice(4, p=row) for row in probability])
    of_label = [probability[labels == label, label] for label in range(4)]
    threshold = [sum(own) / len(own) for own in of_label]
    counts: Counter[tuple[int, int]] = Counter()
    for row, label in zip(probability, labels.tolist(), strict=True):
        confident = [j for j in range(4) if row[j] >= threshold[j]]
        if confident:
            counts[label, max(confident, key=lambda j: row[j])] += 1
    joint = confident_joint(probability, labels)
    expected = set(range(300))
    by_rate: set[int] = set()
    for i in range(4):
        members = [number for number in range(300) if labels[number] == i]
        share = [counts[i, j] / sum(counts[i, k] for k in range(4)) * len(members) for j in range(4)]
        assert joint[i].tolist() == pytest.approx(share)
        num_other = sum(round(share[j]) for j in range(4) if j != i)
        expected -= set(sorted(members, key=lambda number: probability[number, i])[num_other:])
        for j in {0, 1, 2, 3} - {i}:
            ranked = sorted(members, key=lambda number: probability[number, i] - probability[number, j])
            by_rate |= set(ranked[: round(share[j])])
    expected = {number for number in expected & by_rate if probability[number].argmax() != labels[number]}
    faulty, instead, margin = confident_disagreement(probability, labels)
    assert set(faulty.tolist()) == expected
    assert len(expected) > 20
    assert instead.tolist() == probability[faulty].argmax(axis=1).tolist()
    assert margin.tolist() == [max(probability[n]) - probability[n, labels[n]] for n in faulty.tolist()]


def test_every_label_stands_in_every_fold() -> None:
    generator = np.random.default_rng(5)
    codes = np.repeat([0, 1, 2], (6, 7, 50))
    found = folds(codes, generator.integers(0, 2**63, size=63, dtype=np.uint64))
    for code in range(3):
        counts = np.bincount(found[codes == code], minlength=NUM_FOLDS)
        assert counts.max() - counts.min() <= 1


def test_a_row_s_own_label_plays_no_part_in_its_probabilities() -> None:
    draw = random.Random(11)
    vectors = features([" ".join(draw.choices(WORDS, k=6)) for _ in range(30)])
    codes, fold = np.arange(30) % 3, np.arange(30) // 3 % NUM_FOLDS
    before = cross_validated(vectors, codes, fold)
    assert before.sum(axis=1) == pytest.approx(np.ones(30))
    changed = codes.copy()
    changed[4] = (codes[4] + 1) % 3
    after = cross_validated(vectors, changed, fold)
    same_fold = fold == fold[4]
    assert np.array_equal(before[same_fold], after[same_fold])
    assert not np.isclose(before[~same_fold], after[~same_fold]).all(axis=1).any()


@pytest.mark.thorough
def test_planted_label_noise_is_found_by_a_classifier_that_never_saw_the_row(tmp_path: Path, run: Run) -> None:
    draw = random.Random(6)
    halves = {"a": WORDS[:12], "b": WORDS[12:]}
    rows = [
        {"text": " ".join([*draw.choices(halves[label], k=8), str(draw.randrange(10**6))]), "label": label}
        for label in "ab"
        for _ in range(60)
    ]
    wrong = draw.sample(range(120), 12)
    for place in wrong:
        rows[place]["label"] = "ab"[rows[place]["label"] == "a"]
    rows += [{"text": sentence(draw), "label": "rare"} for _ in range(3)]
    dataset = run(write_jsonl(tmp_path / "rows.jsonl", rows))
    part = report_of(dataset).correctness.parts["label_noise"]
    found = lines(faults_of(dataset), "label_noise")
    assert set(found) <= {place + 1 for place in wrong}
    assert (part.judged, part.faulty) == (120, len(found))
    assert 9 <= len(found) <= 12
    small = run(str(tmp_path / "rows.jsonl"), out="small", quality={"max_labels": 50})
    assert 40 <= report_of(small).correctness.parts["label_noise"].judged <= 50
    off = run(str(tmp_path / "rows.jsonl"), out="off", quality={"score": False})
    assert off.quality() is None
    assert not (off.folder / FAULTS).exists()


def test_sums_are_right_when_exact_arithmetic_says_so() -> None:
    draw = random.Random(7)
    for _ in range(300):
        numbers = [draw.randrange(1, 500) / draw.choice((1, 10)) for _ in range(draw.randrange(2, 4))]
        signs = draw.choices("+-*", k=len(numbers) - 1)
        written = f"{numbers[0]:g}" + "".join(f" {sign} {n:g}" for sign, n in zip(signs, numbers[1:], strict=True))
        exact = eval("".join(f"Decimal('{part}')" if part[0].isdigit() else part for part in written.split()))
        (found,) = sums(f"So {written} = {exact} and\n12 more")
        assert found == (f"{written} = {exact}", True)
        ((_, is_right),) = sums(f"So {written} = {exact + Decimal(1)} and")
        assert not is_right


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 * 12 = 36\n2 * 30 = 61\n36 + 60 = 96", [True, False, True]),
        ("一共３×４＝12元，18÷4=4.5", [True, True]),
        ("2/3 = 0.66, 2/3 = 0.67, 2/3 = 0.68, 7/2 = 3, 7/2 = 4", [True, True, False, False, True]),
        ("50% * 20 = 10; 100% - 80% = 20; 1/3 = 33%; 1/3 = 34%", [True, True, True, False]),
        ("$1,200 x 2 = $2,400; (10 - 4) * 2 = 12", [True, True]),
        ("2x + 3 + 4 = 9, 8 x 1 1/2 = 12, 2 + 3 = 4 + 1, 0900-0130 = 0730, a2 + 2 = 5, 1/0 = 3", []),
        ("1" * 9_000 + " + 1 = 2", []),
    ],
)
def test_sums_in_running_text(text: str, expected: list[bool]) -> None:
    assert [is_right for _, is_right in sums(text)] == expected


def test_declared_rules_and_coverage(tmp_path: Path, run: Run) -> None:
    draw = random.Random(8)
    orders = [
        {
            "question": sentence(draw),
            "answer": json.dumps({"total": number}),
            "expected": number,
            "shift": ("day", "night")[number % 2],
        }
        for number in range(40)
    ]
    orders[4] |= {"answer": '{"total": 5}'}
    orders[5] |= {"answer": '{"total": "5"}'}
    orders[6] |= {"answer": "It is 6"}
    orders[7] |= {"shift": " "}
    orders[8] |= {"answer": ""}
    schema = tmp_path / "schema.json"
    schema.write_text('{"properties": {"total": {"type": "integer"}}, "required": ["total"]}', encoding="utf-8")
    # a source without the columns, without JSON: it is asked for neither
    other = write_jsonl(tmp_path / "other.jsonl", [{"text": sentence(draw), "label": "x"} for _ in range(5)])
    quality = {
        "covers": {"shift": ["day", "night", "weekend"], "label": ["x", "y"]},
        "checks": {"number": "expected", "json_schema": str(schema)},
    }
    dataset = run([write_jsonl(tmp_path / "orders.jsonl", orders), other], quality=quality, test_share=0)
    report, faults = report_of(dataset), faults_of(dataset)
    assert {part: lines(faults, part) for part in ("format", "fields", "number", "json_schema")} == {
        "format": [7],
        "fields": [8],
        "number": [5],
        "json_schema": [6],
    }
    assert report.completeness.parts["fields"] == Part(score=round(1 - 2 / 45, 6), judged=45, faulty=2)
    assert report.completeness.parts["coverage"] == Part(score=0.6, judged=5, faulty=2)
    assert [row.detail for row in report.completeness.worst] == ["empty-answer", "shift"]
    assert report.correctness.parts["json_schema"].judged == 39 - 2
    shifts = Counter(row.metadata["shift"] for row in dataset.rows("train") if "shift" in row.metadata)
    assert report.coverage["shift"] == {"day": shifts["day"], "night": shifts["night"], "weekend": 0}
    assert report.coverage["label"]["y"] == 0


def test_a_pattern_is_asked_of_the_whole_answer(tmp_path: Path, run: Run) -> None:
    draw = random.Random(9)
    rows = [{"question": sentence(draw), "answer": answer} for answer in ("yes", "no", "yes, but", "不")]
    dataset = run(write_jsonl(tmp_path / "rows.jsonl", rows), quality={"checks": {"pattern": "yes|no"}})
    assert lines(faults_of(dataset), "pattern") == [3, 4]
    assert report_of(dataset).correctness.score == 0.5


def test_what_is_declared_must_be_there(tmp_path: Path, run: Run) -> None:
    source = write_jsonl(
        tmp_path / "rows.jsonl", [{"question": f"q{n}?", "answer": "a", "case": "c"} for n in range(9)]
    )
    for quality in ({"covers": {"shift": ["day"]}}, {"checks": {"number": "expected"}}):
        with pytest.raises(TunesmithError) as caught:
            run(source, quality=quality)
        assert (caught.value.code, caught.value.parameters["known"]) == ("quality-column", "case, label")
    schema = tmp_path / "schema.json"
    for text in ("{", '{"type": "no such type"}'):
        schema.write_text(text, encoding="utf-8")
        with pytest.raises(TunesmithError) as caught:
            run(source, quality={"checks": {"json_schema": str(schema)}})
        assert caught.value.code == "quality-schema"


def test_nothing_is_held_against_no_rows(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "", "label": "a"}])
    with pytest.raises(TunesmithError, match="no-training-rows"):
        run(file, max_bad_share=1.0, quality={"covers": {"label": ["a"]}, "checks": {"arithmetic": True}})


def test_the_content_of_declared_files_decides_what_is_made_again(tmp_path: Path, run: Run) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"question": f"q{n}?", "answer": '{"a": 1}'} for n in range(9)])
    schema = tmp_path / "schema.json"
    keys = []
    for number, text in enumerate(('{"required": ["a"]}', '{"required": ["b"]}')):
        schema.write_text(text, encoding="utf-8")
        keys.append(run(source, out=str(number), quality={"checks": {"json_schema": str(schema)}}).key)
    assert keys[0] != keys[1]


def test_codes_of_incomplete_rows_are_codes_of_rejects() -> None:
    assert {f"reject.{reason}" for reason in (*MISSING_FIELDS, *OPEN_REASONING)} <= set(CATALOGUE)


def test_open_thinking_counts_as_incomplete(tmp_path: Path, run: Run) -> None:
    draw = random.Random(10)
    rows = [{"question": sentence(draw), "answer": f"<think>{n}</think>so"} for n in range(18)]
    rows += [{"question": sentence(draw), "answer": "<think>so"}, {"question": sentence(draw), "answer": "plain"}]
    report = report_of(run(write_jsonl(tmp_path / "rows.jsonl", rows)))
    assert report.completeness.parts["reasoning"] == Part(score=0.95, judged=20, faulty=1)
    assert report.consistency.parts["format"].faulty == 1
    required = report_of(run(str(tmp_path / "rows.jsonl"), out="required", reasoning="require"))
    assert required.completeness.parts["reasoning"].faulty == 2
    assert required.consistency.score == 1.0
