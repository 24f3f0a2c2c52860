"""The page on stopping and watching: its recipe is sound, and its tables are those of the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml
from test_drive import drive
from tiny_models import make_chat

from tunesmith.artifacts import read_metrics
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle.watch import refuse_unwatchable
from tunesmith.recipe import Recipe, Train
from tunesmith.recipe.watch import VALIDATION_METRICS, Samples, Stop
from tunesmith.train.health import CLIPPED, EXPLODED, FLAT, LEARNED, MIN_STEPS, ROSE, ROSE_FAR, STEEP, STEEP_PART, Code
from tunesmith.train.trackers import CLOSE_SECONDS, TRACKERS

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "zh")


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "stop-and-watch.md").read_text(encoding="utf-8")


def recipe(language: str) -> Recipe:
    (block,) = re.findall(r"```yaml\n(.*?)```", page(language), re.DOTALL)
    return Recipe.model_validate(yaml.safe_load(block))


def tables(language: str) -> list[dict[str, str]]:
    """First cell to last cell of each row, for each table of the page."""
    found: list[dict[str, str]] = []
    for block in re.findall(r"(?:^\|.*\n)+", page(language), re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found.append({row[0]: row[-1] for row in rows[2:]})
    return found


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_recipe_of_the_page() -> None:
    assert recipe("en") == recipe("zh")
    train = recipe("en").train
    assert train.stop == Stop(metric="eval/mean_token_accuracy", patience=3, min_delta=0.001, rising_loss=4)
    assert train.samples == Samples(prompts=("What can you do for me?",), num_rows=2, max_new_tokens=48)
    assert set(train.trackers) == set(TRACKERS)
    assert Train().samples is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_are_those_of_the_code(language: str, tmp_path: Path) -> None:
    metrics, rules, figures = tables(language)
    told = {objective: tuple(names(cell)) for row, cell in metrics.items() for objective in names(row)}
    assert told == VALIDATION_METRICS
    assert [names(code)[0] for code in rules] == [
        *("divergence", "nothing-learned", "overfitting", "setback", "too-few-steps", "plateau"),
        *("overshoot", "exploding-gradient", "clipping"),
    ]
    assert {names(code)[0] for code in rules} == set(get_args(Code))
    shares = {
        "nothing-learned": (LEARNED,),
        "overfitting": (ROSE, ROSE_FAR),
        "setback": (ROSE_FAR,),
        "too-few-steps": (STEEP, STEEP_PART),
    }
    for code, limits in {**shares, "plateau": (FLAT,), "clipping": (CLIPPED,)}.items():
        assert re.findall(r"[\d.]+(?= %)", rules[f"`{code}`"]) == [f"{100 * limit:g}" for limit in limits]
    assert (MIN_STEPS, EXPLODED, CLOSE_SECONDS) == (20, 10.0, 15.0)
    drive(tmp_path)
    recorded = {name for event in read_metrics(tmp_path) for name in event.data} - {"model"}
    assert recorded <= {name for row in figures for name in names(row)}


class Rows:
    """As much of a dataset as the check looks at."""

    def __init__(self, num_validation: int) -> None:
        self._splits = {"validation": num_validation}

    def report(self) -> Any:
        return SimpleNamespace(splits=self._splits)


def refuse(section: Train, folder: Path, num_validation: int = 1) -> None:
    refuse_unwatchable(section, Rows(num_validation), make_chat(folder))  # type: ignore[arg-type]


@pytest.mark.parametrize("tracker", ["wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_refused(
    tmp_path: Path, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, tracker, None)
    with pytest.raises(TunesmithError) as caught:
        refuse(Train.model_validate({"trackers": ["tensorboard", tracker]}), tmp_path)
    assert caught.value.code == "tracker-missing"
    assert f"pip install 'tunesmith[{tracker}]'" in caught.value.hint("zh")
    refuse(Train(), tmp_path)


def test_a_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """wandb leaves one where it runs."""
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(TunesmithError, match="tracker-missing"):
        refuse(Train(trackers=("wandb",)), tmp_path / "chat")


def test_patience_without_validation_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="stop-no-validation"):
        refuse(Train(stop=Stop(patience=2)), tmp_path, num_validation=0)
    refuse(Train(stop=Stop(rising_loss=2)), tmp_path, num_validation=0)
    refuse(Train(stop=Stop(patience=2)), tmp_path)


def test_a_prompt_that_steers_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="control-token"):
        refuse(Train(samples=Samples(prompts=("Hello", "Stop <|end|>"))), tmp_path)
    refuse(Train(samples=Samples(prompts=("Hello",))), tmp_path)
