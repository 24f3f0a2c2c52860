"""From a run to its bundle: found rather than made, refused where the scorecard speaks against it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_material import GOODS
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.artifacts import Scorecard, publish
from tunesmith.artifacts.scorecard import BODY, SAMPLES
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import export, judged_of
from tunesmith.recipe import Recipe

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def tree(folder: Path) -> dict[str, Any]:
    rows = [
        {"question": f"How many {english} {n}? {chinese}", "answer": f"{n} {english}"}
        for n in range(60)
        for english, chinese in GOODS[n % 4 : n % 4 + 1]
    ]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    train = {"method": "lora", "max_steps": 3, "batch_rows": 8, "trackers": [], "precision": "fp32"}
    return {
        "name": "desk",
        "prepare": {"sources": str(folder / "rows.jsonl"), "test_share": 0.2},
        "train": train,
        "evaluate": {"general_suite": False, "arms": ["base", "tuned"], "decoding": {"max_new_tokens": 8}},
        "export": {"num_prompts": 4, "certificate": {"metric_loss": 1.0}},
    }


def refused(job: Job, **more: bool) -> str:
    with pytest.raises(TunesmithError) as told:
        export(job, **more)
    return told.value.code


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run that came to its scorecard; on the way it is told what is missing."""
    folder = tmp_path_factory.mktemp("desk")
    job = open_job(tree(folder), workspace=folder / "work")
    assert refused(job) == "export-untrained"
    lifecycle.models_of(job)
    assert refused(job) == "export-unjudged"
    assert not (folder / "work" / "artifacts" / "scorecard").exists()
    lifecycle.scorecard_of(job)
    return job


def test_a_judged_model_is_shipped_once(judged: Job) -> None:
    bundle = export(judged, anyway=True)
    assert [form.name for form in bundle.body.forms] == ["adapter", "merged"]
    before = {path: path.stat().st_mtime_ns for path in bundle.folder.rglob("*")}
    assert export(judged, anyway=True).body == bundle.body
    assert {path: path.stat().st_mtime_ns for path in bundle.folder.rglob("*")} == before
    assert bundle.folder == judged.runtime.workspace / "artifacts" / "bundle" / bundle.key
    found = judged_of(judged)
    assert (bundle.body.scorecard, bundle.body.dataset) == (found.scorecard.key, found.evaluation.dataset.key)
    assert Recipe.model_validate(yaml.safe_load((bundle.folder / "recipe.yaml").read_text())).name == "desk"
    figures = {each.form: each for each in bundle.certificate().figures}
    assert {"adapter", "merged"} <= figures.keys()
    assert all(figures[form].token_agreement == 1.0 for form in ("adapter", "merged"))


def test_an_arm_that_is_none_is_refused(judged: Job) -> None:
    recipe = judged.recipe.model_copy(update={"export": judged.recipe.export.model_copy(update={"arm": "tund"})})
    assert refused(Job(recipe, judged.runtime, judged.progress)) == "export-arm"


def test_a_scorecard_that_speaks_against_it_is_heeded(judged: Job, tmp_path: Path) -> None:
    workspace = Path(shutil.copytree(judged.runtime.workspace, tmp_path / "work"))
    job = open_job(judged.recipe.model_dump(mode="json"), workspace=workspace)
    card = judged_of(job).scorecard
    verdicts = [each.model_copy(update={"word": "worse"}) for each in card.body.verdicts]
    body = card.body.model_copy(update={"verdicts": verdicts})
    samples = (card.folder / SAMPLES).read_bytes()
    shutil.rmtree(card.folder)
    with publish(card.folder, card.manifest.identity) as staging:
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
        (staging / SAMPLES).write_bytes(samples)
    assert Scorecard.open(card.folder).body == body
    bundles = workspace / "artifacts" / "bundle"
    before = set(bundles.glob("*"))
    assert refused(job) == "export-refused"
    assert set(bundles.glob("*")) == before
    bundle = export(job, anyway=True)
    assert [(each.code, each.suite) for each in bundle.body.objections] == [("verdict", "test")]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "export-a-model.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def test_both_languages_show_the_same() -> None:
    for kind in ("console", "yaml", "python"):
        assert blocks("en", kind) == blocks("zh", kind) != []
    assert len(page("en").splitlines()) == len(page("zh").splitlines())


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (shown,) = (yaml.safe_load(block) for block in blocks("en", "yaml"))
    assert Recipe.model_validate(shown).export.forms == ("adapter", "merged")
    recipe = tree(tmp_path)
    recipe["export"] = {**shown["export"], **recipe["export"]}
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    told = None
    for line in "".join(blocks("en", "console")).splitlines():
        OPTIONS.json = False
        words = shlex.split(line.removeprefix("$ tunesmith "))
        told = CliRunner().invoke(app, words if "--anyway" in words or words[0] == "run" else [*words, "--anyway"])
        assert told.exit_code == 0, (line, told.output, told.exception)
        if "--json" in words:
            found = json.loads(told.stdout)
            folder = found["bundle"]
    assert told is not None
    assert "vllm serve merged --served-model-name desk" in told.stdout
    assert folder in told.stdout
    assert [form["name"] for form in found["forms"]] == ["adapter", "merged"]
    assert found["certificate"]["limits"]
    (code,) = blocks("en", "python")
    names: dict[str, Any] = {"folder": folder}
    exec(code, names)
    assert names["model"].config.model_type == "qwen2"
