"""The same recipe over rows that changed: another training in the same run's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.artifacts import TunedModel
from tunesmith.lifecycle import Job

pytestmark = pytest.mark.thorough


def trained(folder: Path, num_rows: int) -> tuple[Job, TunedModel]:
    rows = [{"question": f"{pow(3, n, 10**9 + 7)} {n}?", "answer": f"{pow(5, n, 10**9 + 9)}"} for n in range(num_rows)]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    train = {"method": {"name": "lora", "rank": 2}, "epochs": 2.0, "batch_rows": 4, "trackers": [], "precision": "fp32"}
    tree = {"name": "grown", "prepare": {"sources": str(folder / "rows.jsonl")}, "train": train}
    job = open_job(tree, workspace=folder / "work")
    return job, lifecycle.models_of(job)["tuned"]


def test_a_models_figures_are_those_of_its_own_training(tmp_path: Path) -> None:
    """Fewer rows make fewer steps, validated at others: nothing of the longer training stands among them."""
    longer, before = trained(tmp_path, 160)
    shorter, after = trained(tmp_path, 100)
    assert longer.run_folder == shorter.run_folder
    assert before.key != after.key
    for model in (before, after):
        told = model.metrics("tuned")
        assert [event.step for event in told] == list(range(1, model.training()["step"] + 1))
        validated = [event.step for event in told if "eval/loss" in event.data]
        every = validated[0]
        assert validated == [step for step in range(1, len(told) + 1) if step % every == 0 or step == len(told)]
    assert after.training()["step"] < before.training()["step"]
