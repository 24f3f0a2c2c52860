from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_material import Listening, Run, rejects_of, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.dataset import Conflicts, Overlap, SplitProof, write_examples
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.prepare import recheck
from tunesmith.prepare.checks import identified
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.proof import measure, prove
from tunesmith.prepare.rows import Refused
from tunesmith.prepare.walk import time_of
from tunesmith.records import SPLITS, Example, Message, Split
from tunesmith.runtime import Runtime

NONE_DRAWN: dict[str, float] = {"test_share": 0.0, "validation_share": 0.0}


def row(prompt: str, answer: str = "a", **more: Any) -> dict[str, Any]:
    return {"question": prompt, "answer": answer, **more}


def prompts(dataset: Dataset, split: Split) -> list[str]:
    return [example.prompt[-1].content for example in dataset.rows(split)]


def where(dataset: Dataset) -> dict[str, Split]:
    return {example.id: split for split in SPLITS for example in dataset.rows(split)}


def sources(folder: Path, **rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One file a split; `free` declares none."""
    return [
        {"path": write_jsonl(folder / f"{name}.jsonl", list(of_split)), "split": None if name == "free" else name}
        for name, of_split in rows.items()
    ]


def left_out(dataset: Dataset) -> list[tuple[str, int, str, str]]:
    found = rejects_of(dataset)
    return sorted((Path(r["file"]).stem, r["line"], r["reason"], Path(r["detail"]).name) for r in found)


def test_duplicates_keep_the_first_and_name_it(tmp_path: Path, run: Run) -> None:
    rows = [
        row("How  do I pay?", "Ｂy card"),
        row("\nhow do i pay? ", "by card\n"),
        row("how do i pay?", "by cash"),
        row("how do I pay?", "by card"),
    ]
    dataset = run(write_jsonl(tmp_path / "file.jsonl", rows), **NONE_DRAWN)
    assert [example.place.line for example in dataset.rows("train")] == [1, 3]
    assert left_out(dataset) == [
        ("file", 2, "duplicate", "file.jsonl:1"),
        ("file", 4, "duplicate", "file.jsonl:1"),
    ]
    assert dataset.report().conflicting == Conflicts(prompts=1, rows=2)


def test_rows_that_differ_in_reasoning_or_roles_are_no_duplicates(tmp_path: Path, run: Run) -> None:
    told = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    thinking = [told[0], {**told[1], "reasoning_content": "why"}]
    system = [{"role": "system", "content": "s"}, *told]
    rows = [{"messages": turns} for turns in (told, thinking, system)]
    dataset = run(write_jsonl(tmp_path / "file.jsonl", rows), **NONE_DRAWN)
    assert len(dataset.rows("train")) == 3
    assert dataset.report().conflicting == Conflicts(prompts=0, rows=0)


def test_a_worse_answer_makes_another_row(tmp_path: Path, run: Run) -> None:
    rows = [{"prompt": "q", "chosen": "a", "rejected": worse} for worse in ("b", "c", " B")]
    dataset = run(write_jsonl(tmp_path / "file.jsonl", rows), **NONE_DRAWN)
    assert [example.place.line for example in dataset.rows("train")] == [1, 2]
    assert len(where(dataset)) == 2


def test_a_declared_test_split_loses_only_rows_equal_to_the_letter(tmp_path: Path, run: Run) -> None:
    dataset = run(sources(tmp_path, train=[row("x")], test=[row("q"), row("Q"), row("q")]))
    assert [example.place.line for example in dataset.rows("test")] == [1, 2]
    assert left_out(dataset) == [("test", 3, "duplicate", "test.jsonl:1")]


def test_the_training_row_goes_not_the_held_out_one(tmp_path: Path, run: Run) -> None:
    free = [row("in test", "other answer"), row("free", g="g"), row("also free"), row("also free too", g="h")]
    made = sources(
        tmp_path,
        free=free,
        train=[row("in validation")],
        validation=[row("IN TEST ", g="h"), row("in validation")],
        test=[row("in test", g="g")],
    )
    dataset = run(made, group_by="g")
    assert left_out(dataset) == [
        ("free", 1, "repeats-test-row", "test.jsonl:1"),
        ("free", 2, "shares-test-group", "test.jsonl:1"),
        ("train", 1, "repeats-validation-row", "validation.jsonl:2"),
        ("validation", 1, "repeats-test-row", "test.jsonl:1"),
    ]
    assert [prompts(dataset, split) for split in SPLITS] == [
        ["also free", "also free too"],
        ["in validation"],
        ["in test"],
    ]


@pytest.mark.thorough
def test_shares_are_kept_overall_and_within_labels_and_languages(tmp_path: Path, run: Run) -> None:
    sizes = {"big": 600, "mid": 100, "small": 20, "tiny": 5}
    rows = [
        {"text": f"{'退货问题' if n % 5 == 0 else 'question'} {n}", "label": label}
        for label, size in sizes.items()
        for n in range(1000 * len(label), 1000 * len(label) + size)
    ]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), seed=1, test_share=0.2, validation_share=0.1)
    report = dataset.report()
    assert report.splits == {"test": 145, "validation": 58, "train": 522}
    assert all(abs(report.labels[label]["test"] - 0.2 * size) <= 1 for label, size in sizes.items())
    assert all(abs(report.labels[label]["validation"] - 0.08 * size) <= 1 for label, size in sizes.items())
    chinese = Counter(example.label for example in dataset.rows("test") if "退货" in example.prompt[0].content)
    assert all(abs(chinese[label] - 0.04 * size) <= 1 for label, size in sizes.items())


@pytest.mark.thorough
def test_equal_prompts_and_linked_groups_stay_together(tmp_path: Path, run: Run) -> None:
    rows = []
    for number in range(200):
        rows += [row(f"p {number}", f"a {n}", group=f"g {number}") for n in range(2)]
        # links group g to group h through an equal prompt
        rows += [row(f"P {number} ", "b", group=f"h {number}"), row(f"q {number}", group=f"h {number}")]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="group")
    split_of = {example.place.line: split for split in SPLITS for example in dataset.rows(split)}
    for number in range(200):
        assert len({split_of[4 * number + line] for line in (1, 2, 3, 4)}) == 1
    assert [len(dataset.rows(split)) for split in SPLITS] == [648, 72, 80]


@pytest.mark.thorough
def test_large_groups_are_drawn_as_often_as_small_ones(tmp_path: Path, run: Run) -> None:
    rows = [row(f"{group} {n}", group=group) for group in range(400) for n in range(1 + 4 * (group % 2))]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="group", test_share=0.25)
    test = {example.group for example in dataset.rows("test")}
    assert len(dataset.rows("test")) == 300
    num_large = sum(int(group or 0) % 2 for group in test)
    # 200 groups of 5 and 200 of 1: a quarter of each, within about four standard deviations
    assert 30 <= num_large <= 70
    assert 30 <= len(test) - num_large <= 70


names = st.lists(st.sampled_from([f"p{number}" for number in range(30)]), min_size=6, max_size=40, unique=True)


@pytest.mark.thorough
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_split_does_not_depend_on_the_order_of_rows(
    tmp_path: Path, run: Run, drawn: list[str], order: random.Random, seed: int
) -> None:
    rows = [{"text": name, "label": name[-1], "group": f"g{len(name)}{name[-1]}"} for name in drawn]
    shuffled = order.sample(rows, len(rows))
    made = []
    for place, part in enumerate((rows, shuffled)):
        file = write_jsonl(tmp_path / f"{place}.jsonl", part)
        shutil.rmtree(tmp_path / "artifacts", ignore_errors=True)
        made.append(where(run(file, seed=seed, group_by="group", test_share=0.3)))
    assert made[0] == made[1]
    assert len(made[0]) == len(rows)


def test_the_seed_changes_the_split(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [row(f"p {number}") for number in range(100)])
    assert where(run(file, seed=0, out="zero")) != where(run(file, seed=1, out="one"))


@pytest.mark.thorough
def test_declared_rows_stay_where_they_are_declared(tmp_path: Path, run: Run) -> None:
    rows = {"train": [row(f"train {n}") for n in range(50)], "free": [row(f"free {n}") for n in range(50)]}
    dataset = run(sources(tmp_path, **rows), out="one", test_share=0.2, validation_share=0.0)
    assert len(dataset.rows("test")) == 10
    assert all(example.split is None for example in dataset.rows("test"))
    rows["test"] = [row(f"test {n}") for n in range(7)]
    dataset = run(sources(tmp_path, **rows), out="two", test_share=0.2, validation_share=0.1)
    assert {example.split for example in dataset.rows("test")} == {"test"}
    assert [len(dataset.rows(split)) for split in SPLITS] == [90, 10, 7]
    rows["validation"] = [row(f"validation {n}") for n in range(3)]
    dataset = run(sources(tmp_path, **rows), out="three", test_share=0.2, validation_share=0.1)
    assert [len(dataset.rows(split)) for split in SPLITS] == [100, 3, 7]


def test_by_time_the_newest_rows_are_the_test_and_groups_stay_whole(tmp_path: Path, run: Run) -> None:
    days = list(range(1, 101))
    random.Random(0).shuffle(days)
    rows = [row(f"p {day}", at=f"2026-{1 + day // 28:02}-{1 + day % 28:02}T08:00:00+08:00", g=day % 50) for day in days]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    alone = run(file, out="alone", split_by_time="at")
    assert sorted(int(prompt[2:]) for prompt in prompts(alone, "test")) == list(range(91, 101))
    assert sorted(int(prompt[2:]) for prompt in prompts(alone, "validation")) == list(range(82, 91))
    # a group that reaches into the test brings its old row along, so no training row is newer than the cut
    grouped = run(file, out="grouped", split_by_time="at", group_by="g")
    test = sorted(int(prompt[2:]) for prompt in prompts(grouped, "test"))
    assert test == [46, 47, 48, 49, 50, 96, 97, 98, 99, 100]
    assert max(int(prompt[2:]) for prompt in prompts(grouped, "train")) < 96


def test_training_rows_newer_than_the_test_are_told(tmp_path: Path, run: Run, progress: Listening) -> None:
    """A customer of forty rows, the newest too, is too large for a test of ten."""
    rows = [row(f"p {n} {n * 7919}", at=n, g="large" if n % 5 < 2 or n == 99 else n) for n in range(100)]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    dataset = run(file, split_by_time="at", group_by="g")
    cut = min(example.place.line or 0 for example in dataset.rows("test"))
    newer = sum((example.place.line or 0) > cut for example in dataset.rows("train"))
    assert progress.said[-2] == ("say.prepare.newer", {"count": newer})
    assert newer > 5
    run(file, out="free", split_by_time="at")
    assert progress.said_keys().count("say.prepare.newer") == 1


def test_times_are_read_as_numbers_and_dates_or_rejected(tmp_path: Path, run: Run) -> None:
    times = ["2026/03/01", 86_400, "1970-01-01 12:00", "soon", None, "NaN"]
    rows = [row(f"p {n}", at=time) for n, time in enumerate(times)]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    dataset = run(file, split_by_time="at", test_share=0.34, validation_share=0.34, max_bad_share=0.5)
    assert [prompts(dataset, split) for split in SPLITS] == [["p 2"], ["p 1"], ["p 0"]]
    assert [(line, reason) for _, line, reason, _ in left_out(dataset)] == [
        (4, "bad-time"),
        (5, "missing-field"),
        (6, "bad-time"),
    ]
    of_a_day = ("2026-03-01", "2026/3/1", "2026.03.1", "2026年3月1日", "２０２６/3/1")
    assert len({time_of(text, "at") for text in of_a_day}) == 1
    at_nine = ("2026-03-01T09:05", "2026/3/1 9:05", "2026-3-1  9:05:00", "2026年3月1日 09:05", "2026-03-01T10:05+01:00")
    assert len({time_of(text, "at") for text in at_nine}) == 1
    for text in ("2026/13/1", "2026/3/1 noon", "2026/3", "26/3/1", "2026年3月"):
        with pytest.raises(Refused, match="bad-time"):
            time_of(text, "at")
    with pytest.raises(TunesmithError) as caught:
        run(file, split_by_time="date")
    assert caught.value.code == "column-missing"


def test_a_row_stays_with_the_one_it_was_made_from(tmp_path: Path, run: Run) -> None:
    rows = [row(f"original {n} {n * 7919}", id=f"r{n}") for n in range(60)]
    rows += [row(f"another wording of {n * 104729}", parent_id=f"r{n}") for n in range(60)]
    rows += [row(f"and one made of that {n * 1299709}", parent_id=child_id(rows[60 + n])) for n in range(60)]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), test_share=0.3)
    split_of = {example.place.line or 0: split for split in SPLITS for example in dataset.rows(split)}
    assert len(split_of) == 180
    assert all(split_of[1 + n] == split_of[61 + n] == split_of[121 + n] for n in range(60))
    assert len(dataset.rows("test")) == 54


def child_id(made: Mapping[str, Any]) -> str:
    messages = (Message("user", made["question"]), Message("assistant", made["answer"]))
    return identified(Example("", messages, Place("x"))).id


def test_what_was_made_from_a_test_row_is_cut_and_what_was_made_from_that(tmp_path: Path, run: Run) -> None:
    test = [row("the original question", id="t1"), row("a test row made from training", parent_id="r5")]
    train = [
        row("other words", parent_id="t1", id="c1"),
        row("yet other words", parent_id="c1"),
        row("THE ORIGINAL QUESTION", "b", id="copy"),
        row("made from the copy", parent_id="copy"),
        row("its source", id="r5"),
        row("free"),
    ]
    dataset = run(sources(tmp_path, train=train, test=test), **NONE_DRAWN)
    assert prompts(dataset, "train") == ["free"]
    assert [(line, reason) for _, line, reason, _ in left_out(dataset)] == [
        (1, "family-of-test-row"),
        (2, "family-of-test-row"),
        (3, "repeats-test-row"),
        (4, "family-of-test-row"),
        (5, "family-of-test-row"),
    ]


TEXT = """
account balance transfer branch deposit savings interest mortgage overdraft statement currency exchange
payment merchant refund receipt invoice contract warranty delivery courier package address customer
technician repair battery screen charger keyboard speaker window garden kitchen bicycle helmet tyre
engine ticket platform luggage passport visa border island harbour museum painting concert orchestra
violin recipe flour butter oven salad
"""
WORDS = TEXT.split()


def sentence(words: random.Random, num_words: int = 24) -> str:
    return " ".join(words.choices(WORDS, k=num_words))


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "rate"), [(k, r) for k in ("exact", "near", "group", "augmented") for r in (5, 20)])
def test_no_planted_leak_is_left(tmp_path: Path, run: Run, kind: str, rate: int) -> None:
    """300 rows, for `rate` in a hundred of them a twin; no twin may stand in another split than its row."""
    draw = random.Random(rate)
    rows = [row(sentence(draw), sentence(draw), id=f"r{n}", twin=n, customer=f"c{n}") for n in range(300)]
    twins = []
    for n in draw.sample(range(300), 3 * rate):
        original, words = rows[n], rows[n]["question"].split()
        words[draw.randrange(len(words))] = "altered"
        twin = {
            "exact": {"question": f"  {original['question'].upper()}"},
            "near": {"question": " ".join(words)},
            "group": {"question": sentence(draw), "customer": f"c{n}"},
            "augmented": {"question": sentence(draw), "parent_id": f"r{n}"},
        }[kind]
        twins.append({"answer": sentence(draw), "twin": n, "customer": f"t{n}", **twin})
    rows += twins
    draw.shuffle(rows)
    # the twin's number must not tie rows itself: it is metadata
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="customer", test_share=0.3)
    split_of: dict[str, set[Split]] = {}
    for split in SPLITS:
        for example in dataset.rows(split):
            split_of.setdefault(example.metadata["twin"], set()).add(split)
    assert sum(map(len, map(dataset.rows, SPLITS))) == 300 + 3 * rate
    assert abs(len(dataset.rows("test")) - 0.3 * (300 + 3 * rate)) <= 1
    assert [twin for twin, splits in split_of.items() if len(splits) > 1] == []
    assert dataset.report().proof.holds


def write_splits(folder: Path, **rows: list[Example]) -> None:
    for split in SPLITS:
        write_examples(folder / f"{split}.jsonl", rows.get(split, []))


def example(prompt: str, answer: str = "a", **fields: Any) -> Example:
    messages = (Message("user", prompt), Message("assistant", answer))
    return identified(Example(id="", messages=messages, place=Place("file", 1), **fields))


def proof_of(folder: Path) -> SplitProof:
    with Pool(None, 1) as pool:
        return measure(folder, folder / "scratch", pool)


def test_the_proof_counts_distinct_prompts_and_groups(tmp_path: Path) -> None:
    train = [example("p", group="g"), example("P ", "b", group="g")]
    write_splits(tmp_path, train=train, test=[example("q", group="h")])
    proof = proof_of(tmp_path)
    assert proof.holds
    assert proof.shared["train/test"] == Overlap(prompts=0, groups=0)
    assert proof.distinct_prompts == {"train": 1, "validation": 0, "test": 1}
    assert proof.distinct_groups == {"train": 1, "validation": 0, "test": 1}


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (example("p"), example(" P", "b"), Overlap(prompts=1, groups=0)),
        (example("p", group="g"), example("q", group="g"), Overlap(prompts=0, groups=1)),
        (example("p"), example("near p"), Overlap(prompts=0, groups=0, clusters=1)),
        (
            example("p", metadata={"id": "x"}),
            example("q", metadata={"parent_id": "x"}),
            Overlap(prompts=0, groups=0, families=1),
        ),
    ],
)
def test_the_proof_refuses_any_overlap(tmp_path: Path, train: Example, test: Example, expected: Overlap) -> None:
    write_splits(tmp_path, train=[train], validation=[example("v")], test=[test])
    if expected.clusters:
        (tmp_path / "clusters.jsonl").write_text(json.dumps({"rows": [train.id, test.id]}) + "\n", encoding="utf-8")
    assert proof_of(tmp_path).shared["train/test"] == expected
    with Pool(None, 1) as pool, pytest.raises(RunFailed) as caught:
        prove(tmp_path, tmp_path / "again", pool)
    assert caught.value.code == "split-overlap"
    assert "train/test" in caught.value.message()


def grouped(tmp_path: Path, run: Run) -> Dataset:
    rows = [row(f"p {n}", customer=n // 3) for n in range(90)]
    return run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="customer", test_share=0.2)


def test_a_recheck_finds_what_was_proved(tmp_path: Path, run: Run, runtime: Runtime) -> None:
    dataset = grouped(tmp_path, run)
    proof = dataset.report().proof
    assert recheck(dataset.folder, runtime=runtime) == proof
    assert len(set(proof.ids_sha256.values())) == 3
    with pytest.raises(TunesmithError, match="artifact-missing"):
        recheck(tmp_path, runtime=runtime)


def test_a_recheck_catches_a_row_moved_by_hand(tmp_path: Path, run: Run, runtime: Runtime) -> None:
    folder = grouped(tmp_path, run).folder
    test = (folder / "test.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "test.jsonl").write_text("".join(test[1:]), encoding="utf-8")
    with (folder / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(test[0])
    with pytest.raises(RunFailed) as caught:
        recheck(folder, runtime=runtime)
    assert caught.value.code == "recheck-failed"
    # by the frozen ids and by the customer that now has rows on both sides
    assert "rows changed in: train, test" in caught.value.message()
    assert "train/test: groups 1" in caught.value.message()
    assert "train/test: groups 1" in caught.value.message("zh")


def test_a_recheck_catches_a_row_edited_by_hand(tmp_path: Path, run: Run, runtime: Runtime) -> None:
    file = grouped(tmp_path, run).folder / "validation.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace('"content": "p ', '"content": "P ', 1), encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        recheck(file.parent, runtime=runtime)
    assert "rows changed in: validation;" in caught.value.message()


def conversation(*turns: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]}


def test_the_turns_of_a_conversation_are_never_split_from_it(tmp_path: Path, run: Run) -> None:
    """Logs give a row a turn: what a test row asks is answered in the conversations that go on from it."""
    draw = random.Random(3)
    said = [[sentence(draw, 12) for _ in range(6)] for _ in range(60)]
    rows = [conversation(*turns[: 2 * length]) for turns in said for length in (1, 2, 3)]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), test_share=0.3)
    split_of: dict[str, set[Split]] = {}
    for split in SPLITS:
        for example in dataset.rows(split):
            split_of.setdefault(example.messages[0].content, set()).add(split)
    assert [splits for splits in split_of.values() if len(splits) > 1] == []
    assert len(dataset.rows("test")) == 54
    assert dataset.report().proof.holds


def test_a_conversation_with_the_question_of_a_test_row_is_cut(tmp_path: Path, run: Run) -> None:
    train = [
        conversation("问：怎么退款？", "在订单页。", "多久到账？", "三天。"),
        conversation("Which card?", "Any."),
        conversation("您好", "您好！", "怎么开户？", "带身份证。"),
        conversation("free", "yes"),
    ]
    test = [
        conversation("问：怎么退款？", "在订单页点击退款。"),
        conversation("which card?", "None.", "Why?", "So."),
        conversation("您好", "在的。"),
    ]
    dataset = run(sources(tmp_path, train=train, test=test), **NONE_DRAWN)
    assert prompts(dataset, "train") == ["怎么开户？", "free"]  # a greeting is no question
    assert [(line, reason) for _, line, reason, _ in left_out(dataset)] == [
        (1, "continues-test-row"),
        (2, "continues-test-row"),
    ]


def test_the_proof_counts_conversations_that_were_split(tmp_path: Path) -> None:
    turns = (Message("user", "p"), Message("assistant", "a"), Message("user", "q"), Message("assistant", "b"))
    whole = identified(Example(id="", messages=turns, place=Place("file", 1)))
    write_splits(tmp_path, train=[whole], validation=[example("P")], test=[example("r")])
    shared = proof_of(tmp_path).shared
    assert [overlap.total for overlap in shared.values()] == [1, 0, 0]


@pytest.mark.thorough
def test_a_group_is_one_however_its_name_is_written(tmp_path: Path, run: Run) -> None:
    """Cells from Excel end in spaces, and full-width digits are digits; a cell of spaces alone names no group."""
    draw = random.Random(5)
    rows = [
        row(sentence(draw), customer=name)
        for n in range(60)
        for name in (f"Kunde {n}", f"kunde {n} ", f"Ｋunde\u3000{n}")
    ]
    rows += [row(sentence(draw), customer=" ") for _ in range(60)]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="customer", test_share=0.3)
    split_of = {example.place.line or 0: split for split in SPLITS for example in dataset.rows(split)}
    assert all(len({split_of[3 * n + place] for place in (1, 2, 3)}) == 1 for n in range(60))
    assert len({split_of[181 + n] for n in range(60)}) > 1
    assert dataset.report().proof.distinct_groups["test"] * 3 <= len(dataset.rows("test"))
