"""A training that is stopped and watched, from the command line: events, terminal, JSON and page say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cli_material import desk_rows, events, tell, write_rows

from tunesmith.artifacts import TunedModel

LENGTH = 12
RECIPE = {
    "name": "desk",
    "prepare": {"sources": "rows.jsonl", "test_share": 0.1},
    "train": {
        "method": "lora",
        "learning_rate": 0.3,
        "schedule": "constant",
        "epochs": 40,
        "batch_rows": 8,
        "evaluate_every": 8,
        "stop": {"patience": 1, "rising_loss": 9},
        "samples": {"prompts": ["Where is my tent?"], "num_rows": 1, "max_new_tokens": LENGTH},
    },
    "evaluate": {"general_suite": False, "arms": ["base", "tuned"], "decoding": {"max_new_tokens": 8}},
}


@pytest.mark.thorough
def test_what_is_watched_is_told_everywhere(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", desk_rows())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    told = tell(["train", "recipe.yaml", "--json"], tmp_path)
    assert told.code == 0, told.err
    recorded = events(tmp_path)
    (stopped,) = [event for event in recorded if event["type"] == "message"]
    assert (stopped["data"]["code"], stopped["data"]["metric"]) == ("early-stop", "eval/loss")
    last_step = stopped["step"]
    assert f"stopped at step {last_step}: `eval/loss` has not improved" in told.err

    samples = [(event["step"], event["data"]["item"]) for event in recorded if event["type"] == "sample"]
    assert samples == [(step, item) for step in range(0, last_step + 1, 8) for item in range(2)]
    found = told.json()["tuned"]
    model = TunedModel.open((tmp_path / found["folder"]).parent)
    assert [(event.step, event.data["item"]) for event in model.samples("tuned")] == samples
    assert model.training()["metric"] == "eval/loss"
    assert found["health"]
    for finding in found["health"]:
        assert finding["message"] in told.err
        assert finding["hint"] in told.err

    finished = tell(["run", "recipe.yaml", "--json"], tmp_path)
    assert finished.code == 0, finished.err
    assert finished.json()["health"] == {"tuned": found["health"]}
    page = (tmp_path / finished.json()["report"]).read_text(encoding="utf-8")
    assert "Where is my tent?" in page
    for finding in found["health"]:
        assert f'data-finding="{finding["code"]}"' in page
