"""What a checkpoint keeps, and that a run whose newest one is damaged ends bit-identical."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from killing import identity
from nine_steps import KEY, Finished, finish, train

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.train.checkpoint import NUM_KEPT, Progressed, load_best, newest_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def copy(tmp_path: Path, finished: Finished) -> Path:
    """The finished run's checkpoints, to do harm to."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return tmp_path / "run"


def test_it_is_the_checkpoint_that_holds_the_random_state(finished: Finished) -> None:
    torch.manual_seed(5)
    seeded = torch.get_rng_state()
    assert newest_checkpoint(finished.folder, identity(KEY))[0] is not None
    assert not torch.equal(torch.get_rng_state(), seeded)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", ["weights.safetensors", "state.safetensors", "random.safetensors", "progress.json", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_newest_checkpoint_is_set_aside(
    tmp_path: Path, finished: Finished, copy: Path, name: str, damage: str
) -> None:
    result, log = tmp_path / "result", tmp_path / "log"
    file = copy / "step-00000008" / name
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 4
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"flip": bytes(content), "cut": bytes(content[:-9]), "empty": b""}[damage])
    train(copy, result, log)
    assert log.read_text() == "6 1\n"
    assert result.read_text() == finished.digest
    assert (copy / "step-00000008.damaged" / name).exists() == (damage != "gone")
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
    progressed = Progressed(7, {"next_step": 7, "seen": ["a"]}, "hash", 7, 0.25, 1, 900, 1.5, 2)
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


def test_each_checkpoint_has_the_best_weights_so_far(tmp_path: Path) -> None:
    """Also once the checkpoint that they were found in is gone."""
    for step, best in enumerate((1, 1, 3, 3, 3, 3), start=1):
        progressed = Progressed(step, {}, "", best_step=best)
        path = save_checkpoint(tmp_path, identity(KEY), progressed, {"master": torch.ones(4) * step})
        assert (path / "best.safetensors").exists() == (step != best)
        assert load_best(tmp_path).tolist() == [float(best)] * 4


def test_best_weights_that_were_damaged_are_not_taken_over(tmp_path: Path) -> None:
    """Nor taken at the end; the run that is started again falls back to a checkpoint that has them."""
    for step in (1, 2, 3):
        save_checkpoint(
            tmp_path, identity(KEY), Progressed(step, {}, "", best_step=1), {"master": torch.ones(4) * step}
        )
    file = tmp_path / "step-00000003" / "best.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RunFailed, match="checkpoint-damaged"):
        load_best(tmp_path)
    with pytest.raises(RunFailed, match="checkpoint-damaged"):
        save_checkpoint(tmp_path, identity(KEY), Progressed(4, {}, "", best_step=1), {"master": torch.ones(4)})
    found, damaged = newest_checkpoint(tmp_path, identity(KEY))
    assert found is not None
    assert (found[0].step, [path.name for path in damaged]) == (2, ["step-00000003.damaged"])
    assert load_best(tmp_path).tolist() == [1.0] * 4


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, identity(KEY), Progressed(1, {}, ""), {"master": torch.ones(3)})
    for name in (".step-00000002.123.partial", ".step-00000001.123.retired"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").write_bytes(b"half")
    assert newest_checkpoint(tmp_path, identity(KEY))[0] is not None
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
