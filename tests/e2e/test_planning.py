"""Predicting, probing, comparing bases and the learning curve, by the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_material import copy_tiny, make_desk, tell, trained


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_desk(tmp_path_factory.mktemp("plan") / "desk")


def test_a_probe_leaves_the_training_as_it_is_to_the_bit_and_both_figures_are_kept(desk: Path) -> None:
    plain = tell(["-w", "plain", "train", "recipe.yaml"], desk)
    assert plain.code == 0, plain.err
    told = tell(["-w", "probed", "plan", "recipe.yaml", "--probe", "--json"], desk)
    assert told.code == 0, told.err
    found = told.json()["plan"]["tuned"]
    assert len(found["estimate"]["step_seconds"]) <= 3
    assert found["prediction"]["memory"]["train"]["gradients"] > 0
    probed = tell(["-w", "probed", "train", "recipe.yaml"], desk)
    assert probed.code == 0, probed.err
    assert "were predicted" in probed.err
    assert trained(desk / "plain")[0] == trained(desk / "probed")[0]
    (entry,) = (json.loads(line) for line in (desk / "probed" / "history.jsonl").read_text().splitlines())
    assert entry["predicted_seconds"] == found["estimate"]["total_seconds"]
    assert entry["measured_bytes"] > 100_000_000
    (other,) = (json.loads(line) for line in (desk / "plain" / "history.jsonl").read_text().splitlines())
    assert other["predicted_seconds"] is None


def test_bases_are_compared_on_the_rows(desk: Path) -> None:
    copy_tiny(desk / "copy")
    (desk / "copy" / "README.md").write_text("---\nlicense: mit\n---\n")
    told = tell(["plan", "recipe.yaml", "--base", "builtin:tiny", "--base", "copy", "--json"], desk)
    assert told.code == 0, told.err
    assert list(told.json()) == ["plan", "bases"]
    advice = told.json()["bases"]
    first, second = advice["facts"]
    assert second["licence"] == "mit"
    assert first["length_quantiles"] == second["length_quantiles"]
    assert set(first["tokens_per_character"]) == {"en", "zh"}
    assert advice["scores"]["builtin:tiny"] == advice["scores"]["copy"] < 0
    assert advice["advised"] == "builtin:tiny"
    assert advice["tied"] == ["copy"]
    lines = tell(["plan", "recipe.yaml", "--base", "copy"], desk, TUNESMITH_LANG="zh")
    assert "许可证 mit" in lines.out
    assert lines.out.index("步") < lines.out.index("许可证 mit")


def test_the_learning_curve_trains_on_nested_parts_and_answers_beside_all_else_that_was_asked(desk: Path) -> None:
    asked = ["--probe", "--base", "builtin:tiny", "--learning-curve", "--json"]
    told = tell(["-w", "curve", "plan", "recipe.yaml", *asked], desk)
    assert told.code == 0, told.err
    assert list(told.json()) == ["plan", "bases", "learning_curve"]
    assert told.json()["plan"]["tuned"]["estimate"]["total_seconds"] > 0
    assert told.json()["bases"]["advised"] == "builtin:tiny"
    curve = told.json()["learning_curve"]
    assert [point["num_rows"] for point in curve["points"]] == [8, 16, 32, 65]
    assert curve["word"] in ("more-rows", "another-method", "enough", "unclear")
    again = tell(["-w", "curve", "plan", "recipe.yaml", "--learning-curve"], desk, TUNESMITH_LANG="zh")
    assert again.code == 0, again.err
    assert again.out.count(" 行 ") == 4
