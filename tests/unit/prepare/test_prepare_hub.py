from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prepare_material import Listening, Run

from tunesmith.errors import TunesmithError
from tunesmith.prepare import identity
from tunesmith.recipe import Prepare

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's folder of copies, so that a test leaves nothing in the user's."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub_cache")


def part(start: int, end: int) -> datasets.Dataset:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    rows = {"text": [f"t {n}" for n in range(start, end)], "label": [n % 2 for n in range(start, end)]}
    return datasets.Dataset.from_dict(rows, features=features)


def save_to_disk(folder: Path) -> None:
    datasets.DatasetDict(train=part(0, 50), test=part(45, 60)).save_to_disk(str(folder))


def save_parquet(folder: Path) -> None:
    folder.mkdir()
    part(0, 50).to_parquet(str(folder / "train.parquet"))
    part(45, 60).to_parquet(str(folder / "test.parquet"))


@pytest.mark.parametrize("save", [save_to_disk, save_parquet])
def test_a_local_dataset_folder_declares_its_splits(tmp_path: Path, run: Run, save: Callable[[Path], None]) -> None:
    save(tmp_path / "saved")
    dataset = run({"hub": str(tmp_path / "saved")})
    assert dataset.report().splits == {"train": 40, "validation": 5, "test": 15}
    assert dataset.report().reasons["repeats-test-row"].count == 5
    assert {example.label for example in dataset.rows("test")} == {"bad", "good"}
    first = dataset.rows("test")[0]
    assert (first.place.file, first.place.line) == (f"{tmp_path / 'saved'}:test", 1)


@pytest.mark.thorough
@pytest.mark.parametrize("save", [save_to_disk, save_parquet])
def test_slices(tmp_path: Path, run: Run, progress: Listening, save: Callable[[Path], None]) -> None:
    save(tmp_path / "saved")
    hub = str(tmp_path / "saved")
    dataset = run([{"hub": hub, "hub_split": "train[:20]"}, {"hub": hub, "hub_split": "test[-4:]", "split": "test"}])
    assert dataset.report().splits == {"train": 18, "validation": 2, "test": 4}
    assert [example.prompt[0].content for example in dataset.rows("test")] == [f"t {n}" for n in range(56, 60)]


@pytest.mark.parametrize("save", [save_to_disk, save_parquet])
@pytest.mark.parametrize("spec", ["train[:0]", "train[:0%]", "train[50:]"])
def test_an_empty_slice_is_no_whole_split(tmp_path: Path, run: Run, save: Callable[[Path], None], spec: str) -> None:
    save(tmp_path / "saved")
    with pytest.raises(TunesmithError, match="hub-request"):
        run({"hub": str(tmp_path / "saved"), "hub_split": spec})


def test_the_identity_follows_the_rows(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "one")
    save_to_disk(tmp_path / "other")
    datasets.DatasetDict(train=part(0, 49)).save_to_disk(str(tmp_path / "less"))
    keys = [
        next(iter(identity(Prepare.model_validate({"sources": {"hub": str(tmp_path / name)}}), 0).inputs.values()))
        for name in ("one", "other", "less")
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("source", [{"hub_split": "nope"}, {"hub_split": "train[:x]"}, {"config": "nope"}])
def test_what_the_dataset_does_not_have_is_a_coded_error(tmp_path: Path, run: Run, source: dict[str, str]) -> None:
    save_parquet(tmp_path / "saved")
    with pytest.raises(TunesmithError, match="hub-request"):
        run({"hub": str(tmp_path / "saved"), **source})
