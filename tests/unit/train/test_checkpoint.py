"""Killed at any file operation, or with its newest checkpoint damaged: the run ends bit-identical."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import advance, digest, fork, identity, num_operations, resumed, save
from tiny_models import make_model, random_row
from transformers import PreTrainedModel

from tunesmith.errors import TunesmithError
from tunesmith.model.layout import MicroBatch
from tunesmith.train.checkpoint import NUM_KEPT, Progressed, load_best, newest_checkpoint, save_best, save_checkpoint
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import AdamWSettings, FlatAdamW
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import LossSum, train_steps

NUM_STEPS, EVERY, KEY = 9, 2, "settings"


def noisy_loss(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
    """SFT times a number from torch's own generator, so that a lost random state shows."""
    loss = sft.loss(model, batch)
    return LossSum(loss.sum * (0.5 + torch.rand(())), loss.weight, loss.metrics)


def train(folder: Path, result: Path, log: Path | None = None) -> None:
    """Nine steps over an epoch boundary, two micro-batches each, a checkpoint every second step."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], 12) for n in range(10)]
    model = make_model("qwen2", num_hidden_layers=1)
    torch.manual_seed(1)
    optimizer = FlatAdamW(model.parameters(), AdamWSettings())
    source = RowSource(rows, RowSampler(10, 4, seed=0), LayoutSettings(30, True, "cpu"))
    progressed, num_damaged = resumed(folder, KEY, optimizer, source)
    if log is not None:
        with log.open("a") as stream:
            stream.write(f"{progressed.step} {num_damaged}\n")
    schedule = make_schedule("cosine", 1e-2, NUM_STEPS, 0.2)
    for report in train_steps(model, source, noisy_loss, optimizer, schedule, range(progressed.step, NUM_STEPS)):
        progressed = advance(progressed, report, source)
        if report.step % EVERY == 0:
            save(folder, KEY, progressed, optimizer)
    result.write_text(digest(progressed, optimizer))


@dataclass(frozen=True)
class Finished:
    """A run that nobody disturbed."""

    folder: Path
    digest: str
    num_operations: int


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    run = folder / "run"
    num = num_operations(lambda: train(run, folder / "result"), run, folder / "note")
    return Finished(run, (folder / "result").read_text(), num)


@pytest.fixture
def copy(tmp_path: Path, finished: Finished) -> Path:
    """The finished run's checkpoints, to do harm to."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return tmp_path / "run"


def test_killed_at_any_file_operation(tmp_path: Path, finished: Finished) -> None:
    """Every thirteenth operation; each run is killed once more while it resumes."""
    points = range(1, finished.num_operations, 13)
    assert len(points) > 5
    killed = later = 0
    for kill_at in points:
        folder, result, log = (tmp_path / f"{kill_at}.{name}" for name in ("run", "result", "log"))
        killed += not fork(lambda f=folder, r=result, g=log: train(f, r, g), folder, kill_at)
        killed += not fork(lambda f=folder, r=result, g=log: train(f, r, g), folder, 12)
        fork(lambda f=folder, r=result, g=log: train(f, r, g), folder)
        assert result.read_text() == finished.digest, f"killed at operation {kill_at}"
        later += any(int(line.split()[0]) > 0 for line in log.read_text().splitlines())
    print(f"{killed} kills, first at {len(points)} of {finished.num_operations} operations; {later} runs resumed later")
    assert killed > len(points)
    assert later > len(points) // 2


def test_it_is_the_checkpoint_that_holds_the_random_state(finished: Finished) -> None:
    torch.manual_seed(5)
    seeded = torch.get_rng_state()
    assert newest_checkpoint(finished.folder, identity(KEY))[0] is not None
    assert not torch.equal(torch.get_rng_state(), seeded)


@pytest.mark.parametrize("name", ["state.safetensors", "progress.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_newest_checkpoint_is_set_aside(
    tmp_path: Path, finished: Finished, copy: Path, name: str, damage: str
) -> None:
    result, log = tmp_path / "result", tmp_path / "log"
    file = copy / "step-00000008" / name
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 4
    file.write_bytes({"flip": bytes(content), "cut": bytes(content[:-9]), "empty": b""}[damage])
    train(copy, result, log)
    assert log.read_text() == "6 1\n"
    assert result.read_text() == finished.digest
    assert (copy / "step-00000008.damaged" / name).exists()
    found, damaged_again = newest_checkpoint(copy, identity(KEY))
    assert found is not None
    assert (found[0].step, damaged_again) == (8, [])


def test_with_all_of_them_damaged_it_starts_again(tmp_path: Path, finished: Finished, copy: Path) -> None:
    for path in copy.glob("step-*"):
        (path / "progress.json").write_text("{}")
    train(copy, tmp_path / "result", tmp_path / "log")
    assert (tmp_path / "log").read_text().startswith("0 ")
    assert (tmp_path / "result").read_text() == finished.digest
    assert len(list(copy.glob("*.damaged"))) == NUM_KEPT


def test_no_more_are_kept_than_needed(tmp_path: Path) -> None:
    for step in range(1, 6):
        save_checkpoint(tmp_path, identity(KEY), Progressed(step, {}, ""), {"master": torch.ones(3) * step})
        kept = sorted(path.name for path in tmp_path.iterdir())
        assert kept == [f"step-{n:08d}" for n in range(max(1, step - NUM_KEPT + 1), step + 1)]


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    progressed = Progressed(7, {"next_step": 7, "seen": ["a"]}, "hash", 5, 0.25, 1, 900, 1.5, 2)
    tensors = {"master": torch.randn(5), "step.0": torch.tensor(7.0), "half": torch.ones(2, dtype=torch.bfloat16)}
    torch.manual_seed(3)
    save_checkpoint(tmp_path, identity(KEY), progressed, tensors)
    drawn = torch.rand(4)
    found, damaged = newest_checkpoint(tmp_path, identity(KEY))
    assert found is not None
    assert found[0] == progressed
    assert {name: tensor.tolist() for name, tensor in found[1].items()} == {n: t.tolist() for n, t in tensors.items()}
    assert found[1]["half"].dtype == torch.bfloat16
    assert damaged == []
    assert torch.equal(torch.rand(4), drawn)
    assert newest_checkpoint(tmp_path / "nowhere", identity(KEY)) == (None, [])


def test_changed_settings_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, identity(KEY), Progressed(1, {}, ""), {"master": torch.ones(3)})
    with pytest.raises(TunesmithError) as caught:
        newest_checkpoint(tmp_path, identity("other rows", epochs=3))
    assert caught.value.code == "resume-changed"
    assert caught.value.parameters["changed"] == "dataset, train.epochs"
    assert "tunesmith run" in caught.value.hint("en")
    assert newest_checkpoint(tmp_path, identity(KEY))[0] is not None


def test_the_best_weights_are_replaced_whole(tmp_path: Path) -> None:
    save_best(tmp_path, identity(KEY), 1, torch.ones(4))
    save_best(tmp_path, identity(KEY), 3, torch.ones(4) * 3)
    assert load_best(tmp_path).tolist() == [3.0] * 4
    assert newest_checkpoint(tmp_path, identity(KEY))[0] is None
    file = tmp_path / "best" / "best.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(TunesmithError, match="artifact-damaged"):
        load_best(tmp_path)
