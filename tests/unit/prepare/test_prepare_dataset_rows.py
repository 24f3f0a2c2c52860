"""Rows of an earlier dataset are taken as they are: nothing is changed twice, and what was held out stays so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith.artifacts import Dataset
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.runtime import Runtime, Silent

SUBJECTS = ("invoice", "parcel", "password", "refund", "contract", "meeting", "battery", "garden", "violin", "harbour")
PLACES = ("Oslo", "Lima", "Accra", "Hanoi", "Quito", "Turin", "Perth", "Izmir", "Davos", "Kyoto", "Cork", "Bern")


def rows(subjects: tuple[str, ...] = SUBJECTS, places: tuple[str, ...] = PLACES) -> list[dict[str, str]]:
    return [
        {"text": f"{subject} {n * 7919} {place} asks about {subject[::-1]} {place[::-1]}", "label": subject}
        for n, (subject, place) in enumerate((subject, place) for subject in subjects for place in places)
    ]


def write(file: Path, found: list[dict[str, str]]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return str(file)


def made(runtime: Runtime, name: str, **section: object) -> Dataset:
    out = runtime.workspace / name
    return prepare(Prepare.model_validate(section), seed=1, runtime=runtime, progress=Silent(), out=out)


@pytest.fixture
def earlier(runtime: Runtime, tmp_path: Path) -> Dataset:
    return made(
        runtime,
        "earlier",
        sources=write(tmp_path / "rows.jsonl", rows()),
        system="Name the subject.",
        prompt_style="Text: {prompt}",
        test_share=0.2,
        balance={"by": "label", "method": "over"},
    )


def splits(dataset: Dataset) -> list[dict[str, str]]:
    return [
        {"path": str(dataset.folder / f"{split}.jsonl"), "format": "dataset", "split": split}
        for split in ("train", "validation", "test")
    ]


def test_a_dataset_that_is_read_again_is_the_same(runtime: Runtime, earlier: Dataset) -> None:
    # what changes rows is there again, and changes nothing
    again = made(runtime, "again", sources=splits(earlier), system="Another.", prompt_style="Again: {prompt}")
    for split in ("train", "validation", "test"):
        assert [row.id for row in again.rows(split)] == [row.id for row in earlier.rows(split)]  # type: ignore[arg-type]
        assert [row.place for row in again.rows(split)] == [row.place for row in earlier.rows(split)]  # type: ignore[arg-type]
    assert again.report().task == "labels"
    assert again.report().proof.ids_sha256 == earlier.report().proof.ids_sha256


@pytest.mark.thorough
def test_new_rows_beside_it_move_nothing(runtime: Runtime, tmp_path: Path, earlier: Dataset) -> None:
    # every held-out text comes back, once as it is and once with another end; so does a training row
    held = [row.messages[1].content for split in ("test", "validation") for row in earlier.rows(split)]  # type: ignore[arg-type]
    texts = [*held, *(f"{text}!" for text in held)]
    new = [{"text": text.removeprefix("Text: "), "label": "wrong"} for text in texts]
    new += [{"text": f"quite another thing {n * 104729} {place}", "label": "other"} for n, place in enumerate(PLACES)]
    source = {"path": write(tmp_path / "new.jsonl", new), "split": "train"}
    both = made(
        runtime, "both", sources=[*splits(earlier), source], system="Name the subject.", prompt_style="Text: {prompt}"
    )
    before, after = earlier.report().proof.ids_sha256, both.report().proof.ids_sha256
    assert {split: after[split] for split in ("validation", "test")} == {
        split: before[split] for split in ("validation", "test")
    }
    labels = [row.label for row in both.rows("train")]
    assert labels.count("other") == len(PLACES)
    assert "wrong" not in labels


@pytest.mark.thorough
def test_a_source_gives_at_most_so_many_training_rows(runtime: Runtime, earlier: Dataset) -> None:
    train, *held = splits(earlier)
    few = made(runtime, "few", sources=[{**train, "max_rows": 20}, *held])
    fewer = made(runtime, "fewer", sources=[{**train, "max_rows": 10}, *held])
    assert few.report().splits == {**earlier.report().splits, "train": 20}
    assert {row.id for row in fewer.rows("train")} < {row.id for row in few.rows("train")}


def test_rows_that_no_dataset_has_are_refused_by_name(runtime: Runtime, tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    file = tmp_path / "odd.jsonl"
    file.write_text(json.dumps(good) + "\n", encoding="utf-8")
    with pytest.raises(Exception, match="missing") as told:
        made(runtime, "odd", sources=[{"path": str(file), "format": "dataset"}], max_bad_share=0.0)
    assert "too-many-bad-rows" in str(told.value)


@pytest.mark.parametrize(
    "edit",
    [
        *({"changes": [["a"]]}, {"messages": [{"role": "assistant", "content": "a", "weight": "x"}]}),
        *({"metadata": 5}, {"metadata": {"id": 5}}, {"metadata": ["a"]}, {"group": 5}, {"label": ["a"]}),
        *({"messages": [{"role": role, "content": 5} for role in ("user", "assistant")]}, {"messages": "ab"}),
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": None}]},
    ],
)
def test_a_row_that_was_edited_into_none_is_rejected(
    runtime: Runtime, earlier: Dataset, tmp_path: Path, edit: dict[str, object]
) -> None:
    lines = (earlier.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), **edit})
    (tmp_path / "edited.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = {"path": str(tmp_path / "edited.jsonl"), "format": "dataset"}
    dataset = made(runtime, "edited", sources=source)
    reject = json.loads((dataset.folder / "rejects.jsonl").read_text(encoding="utf-8"))
    assert (reject["line"], reject["reason"] in ("not-text", "missing-field", "bad-weight")) == (4, True)
