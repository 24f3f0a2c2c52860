"""The page on several processes: its commands, run by torchrun itself, against one process."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_material import (
    COMMAND,
    TIMEOUT_SECONDS,
    Told,
    desk_rows,
    environment,
    events,
    files_under,
    tell,
    wait_for_checkpoints,
    write_rows,
)

ROOT = Path(__file__).parents[2]
PROGRAMS = {"torchrun": [sys.executable, "-m", "torch.distributed.run"], "tunesmith": [str(COMMAND)]}


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "several-processes.md").read_text(encoding="utf-8")


def commands(language: str) -> list[list[str]]:
    """The page's commands, each program by its path."""
    lines = [shlex.split(line) for line in re.findall(r"^    (.+)$", page(language), re.MULTILINE)]
    return [[*PROGRAMS[name], *arguments] for name, *arguments in lines]


def recipe(language: str) -> str:
    (block,) = re.findall(r"```yaml\n(.*?)```", page(language), re.DOTALL)
    return str(block)


def make_desk(folder: Path) -> Path:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(recipe("en"), encoding="utf-8")
    write_rows(folder / "rows.jsonl", desk_rows())
    return folder


def begin(command: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder, TUNESMITH_LANG="en"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Told:
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    return Told(process.returncode, out, err)


def training(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "artifacts" / "tuned_model").glob("*/training.json")
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


def adapter(folder: Path) -> bytes:
    (file,) = (folder / "artifacts" / "tuned_model").glob("*/adapter/adapter_model.safetensors")
    return file.read_bytes()


def losses(folder: Path) -> list[float]:
    return [event["data"]["train/loss"] for event in events(folder) if event["type"] == "metric"]


def states(folder: Path) -> list[str]:
    return [event["data"]["state"] for event in events(folder) if event["type"] == "state"]


def worker(torchrun: int, rank: int) -> int:
    """The process that torchrun gave this rank."""
    children = Path(f"/proc/{torchrun}/task/{torchrun}/children").read_text().split()
    wanted = f"RANK={rank}".encode()
    (found,) = [int(id) for id in children if wanted in Path(f"/proc/{id}/environ").read_bytes().split(b"\0")]
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """The page's first command, run to its end."""
    folder = make_desk(tmp_path_factory.mktemp("several") / "two")
    return folder, ended(begin(commands("en")[0], folder))


def test_both_languages_show_the_same() -> None:
    assert commands("en") == commands("zh")
    assert recipe("en") == recipe("zh")


def test_two_processes_train_as_one_does(undisturbed: tuple[Path, Told], tmp_path: Path) -> None:
    folder, told = undisturbed
    assert told.code == 0, told.err
    assert told.out.count("Report: ") == 1  # the first alone speaks
    assert len(re.findall("^train  12/12", told.err, re.MULTILINE)) == 1
    assert states(folder) == ["running", "succeeded"]
    alone = make_desk(tmp_path / "one")
    assert tell(["train", "recipe.yaml"], alone).code == 0
    assert losses(folder) == pytest.approx(losses(alone), rel=1e-4)
    one, two = training(alone), training(folder)
    assert (one["num_processes"], two["num_processes"]) == (1, 2)
    assert two["rows_hash"] == one["rows_hash"]
    assert two["best_value"] == pytest.approx(one["best_value"], rel=1e-4)


def test_the_launcher_finds_what_torchrun_made(undisturbed: tuple[Path, Told]) -> None:
    folder, _ = undisturbed
    before = files_under(folder / "artifacts")
    told = ended(begin([*commands("en")[1], "--json"], folder))
    assert told.code == 0, told.err
    assert set(told.json()) >= {"run", "report", "scorecard"}
    assert files_under(folder / "artifacts") == before


def test_stopped_and_killed_it_ends_with_the_same_bits(undisturbed: tuple[Path, Told], tmp_path: Path) -> None:
    """First torchrun is told to stop, then one of the others is killed; the third attempt is left in peace."""
    folder = make_desk(tmp_path / "harmed")
    command = [word.replace("run", "train") if word == "run" else word for word in commands("en")[0]]
    stopped = begin(command, folder)
    wait_for_checkpoints(folder, 1, 1, stopped)
    stopped.send_signal(signal.SIGTERM)
    assert "[interrupted]" in ended(stopped).err
    assert states(folder) == ["running", "paused"]

    killed = begin(command, folder)
    wait_for_checkpoints(folder, 2, 1, killed)
    os.kill(worker(killed.pid, 1), signal.SIGKILL)
    told = ended(killed)
    assert told.code != 0
    assert states(folder)[2:] == ["running", "failed"], told.err

    told = ended(begin(command, folder))
    assert told.code == 0, told.err
    assert adapter(folder) == adapter(undisturbed[0])
    assert yaml.safe_load(recipe("en"))["train"]["max_steps"] == training(folder)["step"]


def test_a_mistake_in_the_recipe_is_told_once(tmp_path: Path) -> None:
    folder = make_desk(tmp_path / "mistaken")
    told = ended(begin([*commands("en")[0], "train.epoch=2"], folder))
    assert told.code != 0
    assert told.err.count("[recipe-unknown-key]") == 1
