"""Tasks of lm-evaluation-harness: our model answers as the library's own, and a local task becomes a paired suite."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import make_model, save_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from tunesmith import lifecycle
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.texts import Texts
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job
from tunesmith.model.load import load_model
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

lm_eval = pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install -e .[harness]")

pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]

CAPITALS = (("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Egypt", "Cairo"), ("Peru", "Lima")) * 4
MAX_TOKENS = 96


def requests(*args: tuple[Any, ...]) -> list[Any]:
    return [SimpleNamespace(args=each) for each in args]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), make_model("qwen2", max_position_embeddings=MAX_TOKENS))


@pytest.fixture(scope="module")
def ours(folder: Path) -> Any:
    from tunesmith.evaluate.harness import HarnessModel

    model = load_model(folder, dtype=torch.float32, device="cpu")
    return HarnessModel(Texts(LocalEngine(model, load_chat(folder), MAX_TOKENS), MAX_TOKENS))


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    from lm_eval.models.huggingface import HFLM

    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return HFLM(pretrained=plain, tokenizer=AutoTokenizer.from_pretrained(folder), batch_size=1, device="cpu")


def test_texts_are_as_likely_as_the_librarys_own_model_finds_them(ours: Any, theirs: Any) -> None:
    pairs = [
        ("What is the answer?", " forty-two"),
        ("What is the answer? ", "forty-two"),
        ("问题的答案是什么？", "苹果有三个"),
        ("", "apples and pears"),
        ("The answer is the answer " * 9, "because six"),
    ]
    mine = ours.loglikelihood(requests(*pairs))
    other = theirs.loglikelihood(requests(*pairs), disable_tqdm=True)
    np.testing.assert_allclose([score for score, _ in mine], [score for score, _ in other], atol=1e-3)
    assert [greedy for _, greedy in mine] == [greedy for _, greedy in other]


def test_what_is_written_is_what_the_librarys_own_model_writes(ours: Any, theirs: Any) -> None:
    settings = {"until": ["\n\n", "zzz"], "max_gen_toks": 12, "do_sample": False}
    asked = [(text, settings) for text in ("First count the apples", "问题的答案", "Please think")]
    mine = ours.generate_until(requests(*asked))
    assert mine == theirs.generate_until(requests(*asked), disable_tqdm=True)
    # what it writes itself is what it finds likeliest
    begun = [text for text, _ in asked]
    greedy = ours.loglikelihood(requests(*((text, "" + said) for text, said in zip(begun, mine, strict=True))))
    assert all(np.isfinite(score) for score, _ in greedy)
    stop = mine[0][2:4]
    assert ours.generate_until(requests((begun[0], settings | {"until": [stop]}))) == [mine[0].split(stop, 1)[0]]


def test_a_whole_text_is_the_product_of_its_tokens(ours: Any, theirs: Any) -> None:
    short = "Please think step by step."
    (mine,) = ours.loglikelihood_rolling(requests((short,)))
    (other,) = theirs.loglikelihood_rolling(requests((short,)), disable_tqdm=True)
    assert mine == pytest.approx(other, abs=1e-3)
    long = "First count the apples, then the pears. " * 30
    (mine,) = ours.loglikelihood_rolling(requests((long,)))
    (other,) = theirs.loglikelihood_rolling(requests((long,)), disable_tqdm=True)
    assert mine == pytest.approx(other, rel=0.05)  # the windows of a longer text overlap a little differently


def task(folder: Path, **more: Any) -> None:
    folder.mkdir(exist_ok=True)
    rows = [{"country": country, "choices": ["Oslo", city, "Delhi"], "answer": 1} for country, city in CAPITALS]
    (folder / "capitals.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config = {
        "task": "capitals",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "capitals.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "The capital of {{country}} is",
        "doc_to_target": "answer",
        "doc_to_choice": "choices",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        **more,
    }
    # JSON is YAML
    (folder / "capitals.yaml").write_text(json.dumps(config), encoding="utf-8")


def job(folder: Path, monkeypatch: pytest.MonkeyPatch, **harness: Any) -> Job:
    # the library of data sets counts what is loaded, at a server of its own
    monkeypatch.setattr("datasets.config.HF_UPDATE_DOWNLOAD_COUNTS", False)
    rows = []
    for number, (country, city) in enumerate(CAPITALS * 4):
        asked = {"role": "user", "content": f"{number}. The capital of {country} is"}
        rows.append({"messages": [asked, {"role": "assistant", "content": city}]})
    (folder / "conversations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(folder)
    tree = {
        "name": "harness-tasks",
        "prepare": {"sources": "conversations.jsonl", "test_share": 0.2},
        "train": {"max_steps": 4, "batch_rows": 8, "trackers": [], "precision": "fp32", "learning_rate": 1e-3},
        "evaluate": {
            "arms": ["base", "tuned"],
            "general_suite": False,
            "decoding": {"max_new_tokens": 8, "temperature": 0.0},
            "harness": {"tasks": ["capitals"], "folder": "tasks", **harness},
        },
    }
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def test_a_local_task_is_a_paired_suite_of_the_scorecard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task(tmp_path / "tasks")
    outcome = lifecycle.run(job(tmp_path, monkeypatch, max_items=18))
    body = outcome.scorecard.body
    assert body.num_items["harness:capitals"] == 18
    (loss,) = body.forgetting
    assert (loss.suite, loss.difference.metric, loss.difference.n) == ("harness:capitals", "acc", 18)
    chosen = {(sample.arm, sample.item): sample for sample in outcome.scorecard.samples() if "harness" in sample.suite}
    assert len(chosen) == 2 * 18
    for arm, estimate in (("base", loss.before), ("tuned", loss.after)):
        values = [sample.scores["acc"] for (name, _), sample in chosen.items() if name == arm]
        assert estimate.value == pytest.approx(np.mean(values))
    lost = [
        item
        for (arm, item), sample in chosen.items()
        if arm == "tuned" and sample.scores["acc"] < chosen["base", item].scores["acc"]
    ]
    assert sorted(loss.lost) == sorted(lost)
    assert chosen["base", "capitals-0"].prompt[0].content == "The capital of France is"
    assert recheck(outcome.scorecard.folder).largest < TOLERANCE
    assert "harness:capitals" in outcome.report.html.read_text(encoding="utf-8")


def test_what_cannot_be_asked_is_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    this = job(tmp_path, monkeypatch)
    with pytest.raises(TunesmithError, match="no folder"):
        lifecycle.check(this, lifecycle.prepare(this))
    task(tmp_path / "tasks")
    this = job(tmp_path, monkeypatch, tasks=["capitals", "rivers"])
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert (caught.value.code, caught.value.parameters["task"]) == ("harness-task", "rivers")


def test_a_task_without_a_metric_of_each_item_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = [{"metric": "acc", "aggregation": "mean", "higher_is_better": False}]
    task(tmp_path / "tasks", metric_list=less)
    with pytest.raises(RunFailed) as caught:
        lifecycle.run(job(tmp_path, monkeypatch))
    assert caught.value.code == "harness-metric"
