"""What the how-to page on confidence shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.special import softmax

from tunesmith.artifacts.calibration import FILE, CalibrationFile, SavedMap, TemperatureParameters
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.confidence import num_to_fit
from tunesmith.evaluate.kinds import kinds_of, require_kinds
from tunesmith.recipe import Evaluate, Recipe
from tunesmith.recipe.confidence import Confidence
from tunesmith.records import Sampling
from tunesmith.stats.maps import MIN_OF_EACH, MIN_TO_CHOOSE, MIN_TO_FIT

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "trust-confidence.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def recipes(language: str) -> dict[str, dict[str, Any]]:
    return {recipe["name"]: recipe for recipe in map(yaml.safe_load, blocks(language, "yaml"))}


def test_both_languages_show_the_same() -> None:
    assert recipes("en") == recipes("zh")
    assert blocks("en", "python") == blocks("zh", "python") != []
    assert len(page("en").splitlines()) == len(page("zh").splitlines())


def test_the_recipes_mean_what_the_page_says() -> None:
    routed, answers = (Recipe.model_validate(recipes("en")[name]).evaluate for name in ("routed", "answers"))
    assert routed.confidence == Confidence() == Evaluate().confidence
    assert answers.confidence == Confidence(answers=("likelihood", "verbalised", "agreement"))
    drawn = Sampling(0.7, num_samples=5)
    assert kinds_of(answers, "text", drawn) == ("likelihood", "verbalised", "agreement")
    assert kinds_of(routed, "text", drawn) == ("agreement",)
    assert kinds_of(routed, "text", Sampling()) == kinds_of(routed, "labels", drawn) == ()
    assert kinds_of(routed, "text", Sampling(0.0, num_samples=5)) == ()
    for name in ("temperature", "platt", "isotonic", "auto", "none"):
        assert Confidence.model_validate({"map": name}).map == name
        assert f"| `{name}` |" in page("en")


@pytest.mark.parametrize(
    ("task", "sampling", "reason"),
    [
        ("labels", Sampling(0.7, num_samples=5), "unfit-confidence.labels"),
        ("numbers", Sampling(0.7, num_samples=5), "unfit-confidence.numbers"),
        ("documents", Sampling(0.7, num_samples=5), "unfit-confidence.documents"),
        ("text", Sampling(0.0, num_samples=5), "unfit-confidence.greedy"),
    ],
)
def test_confidences_that_do_not_fit_are_refused(task: Any, sampling: Sampling, reason: str) -> None:
    section = Recipe.model_validate(recipes("en")["answers"]).evaluate
    with pytest.raises(TunesmithError, match="confidence-unfit") as caught:
        kinds_of(section, task, sampling)
    assert caught.value.parameters["reason"].key == reason  # type: ignore[attr-defined]
    for language in ("en", "zh"):
        assert "{" not in caught.value.message(language) + caught.value.hint(language)


def test_agreement_of_a_lone_sample_is_refused_by_check() -> None:
    section = Evaluate.model_validate({"confidence": ["agreement"]})
    with pytest.raises(TunesmithError, match="confidence-unfit") as caught:
        require_kinds(section, "text")
    assert caught.value.parameters["reason"].key == "unfit-confidence.samples"  # type: ignore[attr-defined]
    require_kinds(Evaluate.model_validate({"confidence": ["likelihood"]}), "text")


def test_the_numbers_of_the_page() -> None:
    for language in ("en", "zh"):
        for number in (MIN_TO_CHOOSE, MIN_TO_FIT, MIN_OF_EACH):
            assert re.search(rf"\b{number}\b", page(language)) or f" {number} " in page(language)
    assert (num_to_fit(199, 1000), num_to_fit(200, 1000), num_to_fit(199, 300)) == (0, 200, 199)


def test_a_saved_map_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = SavedMap(
        arm="tuned", model="k", confidence="label", method="temperature", rows="validation", num_fitted=900,
        parameters=TemperatureParameters(temperature=1.7),
    )  # fmt: skip
    (tmp_path / "scorecard").mkdir()
    (tmp_path / "scorecard" / FILE).write_text(CalibrationFile(maps=[saved]).model_dump_json(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("en", "python")[0], "trust-confidence.md", "exec"), {})
    told = capsys.readouterr().out
    assert told.startswith("tuned temperature [")
    odds = [[0.90, 0.07, 0.03], [0.50, 0.30, 0.20]]
    expected = softmax(np.log(odds) / 1.7, axis=1).max(axis=1).round(3).tolist()
    assert yaml.safe_load(told.removeprefix("tuned temperature ")) == expected
