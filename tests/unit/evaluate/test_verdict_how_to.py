"""What the how-to page on verdicts shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from scorecard_material import right, scorecard
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.lifecycle import recheck_scorecard
from tunesmith.recipe import Recipe
from tunesmith.stats.paired import PairedDifference
from tunesmith.stats.power import detectable_share, items_to_decide
from tunesmith.stats.verdict import Outcome, verdict

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "read-a-verdict.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def test_both_languages_show_the_same() -> None:
    for kind in ("python", "console"):
        assert blocks("en", kind) == blocks("zh", kind) != []
    english, chinese = ([yaml.safe_load(block) for block in blocks(language, "yaml")] for language in ("en", "zh"))
    assert english == chinese
    assert len(page("en").splitlines()) == len(page("zh").splitlines())


def test_the_table_has_every_word() -> None:
    for place, language in enumerate(("en", "zh")):
        words = [row.split("|")[1].strip() for row in page(language).splitlines() if row.startswith("|")][2:8]
        assert words == [CATALOGUE[f"verdict.{outcome}"][place].lower() for outcome in Outcome]


def test_the_margin_of_the_recipe_decides_what_is_equivalent() -> None:
    (recipe,) = (Recipe.model_validate(yaml.safe_load(block)) for block in blocks("en", "yaml"))
    assert (recipe.evaluate.margin, recipe.evaluate.max_loss) == (0.01, 0.03)
    usual = Recipe(name="usual", prepare=recipe.prepare).evaluate.margin
    found = PairedDifference(0.0, -0.015, 0.015, 900, 1.0)
    words = [verdict(found, {}, 0.05, margin).outcome for margin in (usual, recipe.evaluate.margin)]
    assert words == [Outcome.EQUIVALENT, Outcome.NOT_ENOUGH_EVIDENCE]


def test_the_figures_of_the_page() -> None:
    assert f"{detectable_share(400, 0.2):.3f}" == "0.064"
    needed = items_to_decide(0.0, 0.15**0.5, 0.02)
    assert needed is not None
    assert 2_000 < needed < 5_000


@pytest.mark.thorough
def test_the_operating_curve_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("en", "python")[0], "read-a-verdict.md", "exec"), {})
    told = yaml.safe_load(capsys.readouterr().out)
    assert list(told) == ["promote", "reject", "inconclusive"]
    assert told["promote"] == pytest.approx(0.7, abs=0.02)


def test_the_gate_judges_two_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scorecard(tmp_path / "current", {"test": right(60, 200), "general_en": right(150, 200)})
    scorecard(tmp_path / "new", {"test": right(90, 200), "general_en": right(150, 200)})
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("en", "python")[1], "read-a-verdict.md", "exec"), {})
    assert capsys.readouterr().out.startswith("promote [")


def test_the_command_rechecks_a_scorecard(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    scorecard(folder, {"test": right(60, 200)})
    command = blocks("en", "console")[0].removeprefix("$ tunesmith ").split()
    told = CliRunner().invoke(app, [word.replace("artifacts/scorecard/KEY", str(folder)) for word in command])
    assert told.exit_code == 0
    assert told.stdout.startswith(f"{recheck_scorecard(folder).num_figures} figures computed again")
