"""A person in raw rows, dataset, run, served answers, feedback and what was learned of it; then in nothing any more."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from cli_material import GOODS
from serving_material import asked_of
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.artifacts import Dataset
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle.export import export
from tunesmith.lifecycle.feedback import feedback_set
from tunesmith.records import SPLITS
from tunesmith.runtime import utc_now
from tunesmith.serve.app import make_app
from tunesmith.serve.start import deploy
from tunesmith.store import Store, add_version, open_store, resolve, set_alias

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).parents[2]
NAME, MAIL, CHINESE, SUBJECT = "Maria Keller", "maria.keller+shop@example.org", "李小娜", "customer-7731"
WORDS = (NAME, MAIL, CHINESE)
LINES = sorted([*range(2, 61, 6), 21, 34])


@dataclass(frozen=True)
class Planted:
    folder: Path
    exchange: str


def tree(folder: Path) -> dict[str, Any]:
    rows = [
        {"question": f"How many {english} {n}? {chinese}", "answer": f"{n} {english}"}
        for n in range(60)
        for english, chinese in GOODS[n % 4 : n % 4 + 1]
    ]
    for row in rows[1::6]:
        row["question"] += f" I am {NAME}, {MAIL}."
    rows[20]["answer"] += f"，{CHINESE}"
    rows[33]["customer"] = MAIL
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "name": "desk",
        "prepare": {"sources": str(folder / "rows.jsonl"), "test_share": 0.2},
        "train": {"method": "lora", "max_steps": 3, "batch_rows": 8, "precision": "fp32"},
        "evaluate": {"general_suite": False, "arms": ["base", "tuned"], "decoding": {"max_new_tokens": 8}},
        "export": {"num_prompts": 4, "certificate": {"metric_loss": 1.0}},
        "serve": {"record": "full"},
        "feedback": {"use": "all"},
    }


def store_in(work: Path) -> Store:
    return open_store(f"sqlite:///{work}/store.db", clock=utc_now, key_file=work / "store.key")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Trained, judged, shipped, served; the person asked, and said what was wrong."""
    folder = tmp_path_factory.mktemp("desk")
    job = open_job(tree(folder), workspace=folder / "work")
    lifecycle.run(job)
    bundle = export(job, anyway=True)
    with open_store(
        f"sqlite:///{folder}/work/store.db", clock=utc_now, key_file=folder / "work" / "store.key"
    ) as store:
        add_version(store, bundle.folder, who="tests")
        set_alias(store, "champion", "desk@1", who="tests")
        deployment = deploy(bundle, job.recipe.serve, store, job.runtime)
        try:
            service = make_app(deployment)
            service.guards.readiness.prove()
            asked = {"model": "desk", "max_tokens": 6, "messages": [{"role": "user", "content": f"{CHINESE}: where?"}]}
            first = asked_of(service, "POST", "/v1/chat/completions", {**asked, "user": SUBJECT})
            asked["messages"] = [{"role": "user", "content": "How many lamps?"}]
            asked_of(service, "POST", "/v1/chat/completions", {**asked, "user": "somebody else"})
            store.flush()
            exchange = first.headers["x-tunesmith-exchange"]
            said = {"exchange": exchange, "kind": "correction", "text": f"It is with you, {NAME}."}
            assert asked_of(service, "POST", "/v1/feedback", said).status_code < 300
        finally:
            deployment.engine.close()
        assert feedback_set(job, store).body.num_rows == 1
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree(folder)), encoding="utf-8")
    return Planted(folder, exchange)


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def told(planted: Planted, *words: str, code: int = 0) -> str:
    OPTIONS.json = False
    done = CliRunner().invoke(app, ["--workspace", str(planted.folder / "work"), *words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


PERSON = ["--subject", SUBJECT, *(part for word in WORDS for part in ("--text", word))]


def in_any_form(word: str) -> list[re.Pattern[bytes]]:
    """Written out here, apart from the search that is tested."""
    plain = word.encode()
    escaped = "".join(f"\\u{ord(character):04x}" for character in word)
    plain_json = json.dumps(word)[1:-1]
    forms = {plain, escaped.encode(), plain_json.encode(), quote(word).encode(), quote(word, safe="").encode()}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + plain)
        forms.add(whole[4 if before else 0 : len(whole) - 4])
    return [re.compile(re.escape(form)) for form in forms]


def holders(folder: Path) -> set[str]:
    """Every file, weights and all, in which any form of the person's words stands."""
    patterns = [pattern for word in (*WORDS, SUBJECT) for pattern in in_any_form(word)]
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and any(pattern.search(file.read_bytes()) for pattern in patterns)
    }


def test_the_person_is_there_is_traced_and_is_gone(planted: Planted) -> None:
    work = planted.folder / "work"
    before = {name.split("/")[1] if name.count("/") else name for name in holders(planted.folder)}
    assert {"rows.jsonl", "artifacts", "runs", "store.db"} <= before

    traced = json.loads(told(planted, "trace", planted.exchange, "--json"))
    assert {step["kind"] for step in traced["steps"]} >= {"bundle", "tuned_model", "scorecard", "plan", "dataset"}
    assert all(step["folder"] for step in traced["steps"])
    assert traced["versions"] == ["desk@1"]
    assert traced["runs"]
    assert [step["kind"] for step in traced["feedback_sets"]] == ["feedback_set"]
    assert [each["kind"] for each in traced["feedback"]] == ["correction"]
    assert planted.exchange in told(planted, "trace", planted.exchange)
    row = json.loads(told(planted, "trace", f"{planted.folder}/rows.jsonl:2", "--json"))
    assert row["versions"] == (["desk@1"] if row["rows"][0]["split"] != "test" else [])

    dry = json.loads(told(planted, "forget", *PERSON, "--dry-run", "--json"))
    assert dry["exchanges"] == [planted.exchange]
    assert [(Path(each["file"]).name, each["lines"]) for each in dry["raw"]] == [("rows.jsonl", LINES)]
    assert dry["withdrawn"] == ["desk@1"]
    assert {each["kind"] for each in dry["data"]} == {"dataset", "feedback_set"}
    assert before == {name.split("/")[1] if name.count("/") else name for name in holders(planted.folder)}

    named = json.loads(told(planted, "forget", *PERSON, "--json", code=1))
    assert not named["verified"]
    assert holders(planted.folder) == {"rows.jsonl"}

    done = json.loads(told(planted, "forget", *PERSON, "--raw", "--json"))
    assert done["verified"]
    assert holders(planted.folder) == set()
    assert "withdrawn" in json.dumps(json.loads(told(planted, "models", "history", "--json")))
    assert told(planted, "forget", *PERSON, "--raw")
    (retrain,) = named["retrain"]
    assert retrain == f"tunesmith run {next((work / 'runs').iterdir())}"
    with store_in(work) as store, pytest.raises(TunesmithError, match="version-withdrawn"):
        resolve(store, "champion")


def test_training_again_brings_nobody_back(planted: Planted) -> None:
    work = planted.folder / "work"
    told(planted, "prepare", str(planted.folder / "recipe.yaml"))
    datasets = [Dataset.open(folder) for folder in (work / "artifacts" / "dataset").iterdir()]
    assert len(datasets) == 2
    assert all(sum(len(dataset.rows(split)) for split in SPLITS) == 60 - len(LINES) for dataset in datasets)
    assert holders(planted.folder) == set()
