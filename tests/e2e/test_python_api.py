"""The Python API against the command line: the same bits, stopped and gone on with; a loop of one's own; the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from cli_material import events, make_desk, tell, trained
from transformers import AutoModelForCausalLM

import tunesmith
from tunesmith import api
from tunesmith.cli.show import run_rows
from tunesmith.model.base import find_base
from tunesmith.train.checkpoint import load_best, newest_checkpoint

ROOT = Path(__file__).parents[2]
FEW = ("train.max_steps=6", "train.trackers=[]")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = make_desk(tmp_path_factory.mktemp("python") / "desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


def test_its_steps_are_those_of_the_command_line_to_the_bit(desk: Path) -> None:
    """Left after two steps, gone on with by Python, left again, and ended by the command line."""
    told = tell(["-w", "by-command", "train", "recipe.yaml", *FEW], desk)
    assert told.code == 0, told.err
    job = tunesmith.open_job("recipe.yaml", *FEW, workspace="by-python")
    steps = []
    for stop in (2, 5):
        for report in tunesmith.train_steps(job):
            steps.append(report.step)
            if report.step == stop:
                break
        assert [row["state"] for row in run_rows(desk / "by-python" / "runs")] == ["paused"]
    assert steps == [1, 2, 3, 4, 5]
    told = tell(["-w", "by-python", "train", "recipe.yaml", *FEW], desk)
    assert told.code == 0, told.err
    (expected, summary), (found, other) = trained(desk / "by-command"), trained(desk / "by-python")
    assert found == expected
    assert (other["step"], other["rows_hash"], other["best_value"]) == (6, summary["rows_hash"], summary["best_value"])
    told_losses = [
        [event["data"]["train/loss"] for event in events(desk / name) if event["type"] == "metric"]
        for name in ("by-command", "by-python")
    ]
    assert told_losses[0] == told_losses[1]
    assert list(tunesmith.train_steps(job)) == []
    assert [row["state"] for row in run_rows(desk / "by-python" / "runs")] == ["succeeded"]


def test_walked_to_the_end_it_publishes_what_the_command_line_finds(desk: Path) -> None:
    job = tunesmith.open_job("recipe.yaml", *FEW, "seed=3", workspace="walked")
    assert [report.step for report in tunesmith.train_steps(job)] == [1, 2, 3, 4, 5, 6]
    told = tell(["-w", "walked", "train", "recipe.yaml", *FEW, "seed=3", "--json"], desk)
    assert told.code == 0, told.err
    assert told.json()["tuned"]["folder"] == str(api.train(job)["tuned"].payload)
    assert not [event for event in events(desk / "walked") if event["type"] == "checkpoint" and event["attempt"] > 1]


@pytest.mark.parametrize("method", ["full", "{name: lora, dropout: 0.1}"])
def test_a_loop_of_ones_own_over_the_same_rows_takes_the_same_steps(desk: Path, method: str) -> None:
    settings = (*FEW, f"train.method={method}", "train.token_dropout=0.1")
    job = tunesmith.open_job("recipe.yaml", *settings, workspace="own")
    session = tunesmith.open_training(job)
    for rows in session.batches():
        session.forward_backward(rows)
        session.sample(["hello"], tunesmith.Sampling(temperature=1.0, max_new_tokens=4))
        session.optim_step()
        if session.step == 4:
            break
    for report in tunesmith.train_steps(job):
        if report.step == 4:
            break
    (checkpoints,) = (desk / "own" / "runs").glob(f"{job.run_folder.name}/checkpoints/tuned")
    found, _ = newest_checkpoint(checkpoints, session._loop.identity)
    assert found is not None
    progressed, tensors = found
    assert progressed.step == 4
    assert progressed.rows_hash == session._loop.progressed.rows_hash
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in session._loop.optimizer.state().items())
    assert load_best(checkpoints).shape == tensors["master"].shape


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_a_saved_adapter_is_loaded_by_peft_and_judged(desk: Path) -> None:
    settings = (*FEW, "train.method={name: lora, rank: 4}", "train.precision=fp32")
    job = tunesmith.open_job("recipe.yaml", *settings, workspace="saved")
    session = tunesmith.open_training(job)
    for rows in session.batches():
        session.forward_backward(rows)
        session.optim_step(learning_rate=1e-2)
    saved = session.save(desk / "saved" / "mine")
    row = session.rows[0]
    (logs_T,) = session.log_probabilities([row])
    plain = AutoModelForCausalLM.from_pretrained(find_base("builtin:tiny").folder, dtype=torch.float32)
    ids_T = torch.from_numpy(row.ids_T.astype(np.int64))
    with torch.no_grad():
        logits_TV = peft.PeftModel.from_pretrained(plain, saved.payload)(ids_T[None]).logits[0]
    wanted = torch.nn.functional.pad(logits_TV[:-1].log_softmax(1).gather(1, ids_T[1:, None])[:, 0], (1, 0)).numpy()
    assert logs_T == pytest.approx(np.where(row.weights_T != 0, wanted, 0.0), abs=1e-4)
    scorecard = api.evaluate(job, model=saved)
    assert scorecard.manifest.inputs["model.tuned"] == saved.key
    assert scorecard.body.verdicts[0].arm == "tuned"
    assert not list((desk / "saved" / "artifacts").glob("tuned_model/*"))


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "train-from-python.md").read_text(encoding="utf-8")


def code(language: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page(language), re.DOTALL)


def test_the_page_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(make_desk(tmp_path / "desk"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (recipe,) = re.findall(r"```yaml\n(.*?)```", page("en"), re.DOTALL)
    Path("recipe.yaml").write_text(recipe, encoding="utf-8")
    names: dict[str, Any] = {}
    said = []
    for block in code("en"):
        exec(compile(block, "train-from-python.md", "exec"), names)
        said.append(capsys.readouterr().out.splitlines())
    verbs, steps, own, loss, asked, saved = said
    assert verbs[0].startswith("80 6 ")
    assert [line.split()[0] for line in steps[:-1]] == ["1", "2", "3", "4", "5", "6"]
    assert own[0].startswith("6 ")
    assert loss
    assert asked[-1].startswith("True {'loss': ")
    assert (saved[0].split()[0], saved[1]) == ("work/mine/adapter", "True")


def test_both_languages_show_the_same_code() -> None:
    assert code("en") == code("zh")
    for mark in ("\n## ", "\n```"):
        assert page("en").count(mark) == page("zh").count(mark)
    assert re.findall(r"```yaml\n.*?```", page("en"), re.DOTALL) == re.findall(
        r"```yaml\n.*?```", page("zh"), re.DOTALL
    )
