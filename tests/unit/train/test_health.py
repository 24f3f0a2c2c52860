"""The rules of health: each speaks of curves made for it, with its figures, and of no others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunesmith.artifacts import Event
from tunesmith.i18n import translate
from tunesmith.recipe import load_recipe
from tunesmith.train.health import MIN_STEPS, Finding, health

NUM_STEPS = 200
RATE = 2e-3
Curve = Callable[[float], float]
"""From the share of the training that is over, above 0 and up to 1."""


def smooth(share: float) -> float:
    """Falls fast, then ever more slowly: a training that went well."""
    return 0.4 + 3.0 * float(np.exp(-6.0 * share))


def events(
    loss: Curve = smooth,
    validation: Curve | None = lambda share: smooth(share) + 0.05,
    norm: Curve = lambda share: 0.5,
    *,
    noise: float = 0.05,
    num_steps: int = NUM_STEPS,
    limit: float = 1.0,
    model: str = "tuned",
) -> list[Event]:
    """Ten validations; each step's loss varies by a share of itself."""
    random = np.random.default_rng(3)
    found = []
    for step in range(1, num_steps + 1):
        share, height = step / num_steps, norm(step / num_steps)
        data: dict[str, Any] = {
            "model": model,
            "train/loss": loss(share) * (1.0 + noise * random.standard_normal()),
            "train/learning_rate": RATE * min(1.0, 20.0 * share),
            "train/grad_norm": height,
            "train/grad_clipped": float(height > limit),
            "train/epoch": 2.0 * share,
        }
        if validation is not None and step % (num_steps // 10) == 0:
            data["eval/loss"] = validation(share)
        found.append(Event("metric", "", 1, data, step))
    return found


def only(found: list[Event]) -> Finding:
    (finding,) = health(found)
    return finding


def test_a_training_that_went_well_needs_no_word() -> None:
    assert health(events()) == []
    assert health(events(validation=None)) == []
    assert health([]) == []
    assert health([Event("message", "", 1, {"code": "early-stop"}, 3)]) == []


def valley(share: float) -> float:
    """Lowest at four tenths, then steadily up."""
    return 1.0 + abs(share - 0.4)


def shallow(share: float) -> float:
    return 1.0 + abs(share - 0.4) / 2


def test_overfitting_is_told_from_the_best_step_on() -> None:
    found = only(events(validation=valley))
    assert (found.code, found.first_step, found.last_step) == ("overfitting", 80, NUM_STEPS)
    assert found.figures["best"] == pytest.approx(1.0)
    assert found.figures["last"] == pytest.approx(1.6)
    losses = [event.data["train/loss"] for event in events(validation=valley)]
    assert found.figures["train_best"] == pytest.approx(np.mean(losses[60:80]))
    assert found.figures["train_last"] == pytest.approx(np.mean(losses[180:]))
    assert found.figures["epochs"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("tail", "is_told"),
    [
        ([1.0, 1.01, 1.02, 1.03], True),  # a little, but ever higher
        ([1.0, 1.03, 1.02, 1.025], False),  # it comes back
        ([1.0, 1.3, 1.2, 1.2], True),  # so high that this does not matter
        ([1.05, 1.04, 1.0, 1.2], False),  # one validation may be chance
        ([1.0, 1.005, 1.01, 1.015], False),  # too little
    ],
)
def test_a_small_rise_counts_where_it_goes_on(tail: list[float], is_told: bool) -> None:
    values = [3.0, 2.4, 2.0, 1.6, 1.3, 1.1, *tail]
    found = health(events(validation=lambda share: values[round(share * 10) - 1]))
    assert [finding.code for finding in found] == (["overfitting"] if is_told else [])


def test_a_rise_of_both_losses_is_a_setback() -> None:
    found = only(events(loss=shallow, validation=shallow))
    assert (found.code, found.first_step) == ("setback", 80)
    assert found.figures == {"best": 1.0, "reached": pytest.approx(1.15), "rate": pytest.approx(RATE / 3)}


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        ([0.0, 0.0, 0.0, 0.0], None),  # nothing is left to lose
        ([0.0, 1e-9, 1e-8, 1e-7], None),
        ([0.0, 0.5, 0.8, 0.9], "overfitting"),  # of the 3.3 with which the training began
    ],
)
def test_a_validation_loss_of_exactly_nothing_is_no_fault(tail: list[float], code: str | None) -> None:
    values = [3.0, 2.0, 1.0, 0.5, 0.1, 0.0, *tail]
    found = [finding.code for finding in health(events(validation=lambda share: values[round(share * 10) - 1]))]
    assert found == ([] if code is None else [code])
    same = health(events(validation=lambda share: 0.0))
    assert [finding.code for finding in same] == []


def test_divergence_is_told_where_the_gain_is_lost_for_good() -> None:
    found = only(events(loss=lambda share: smooth(share) if share < 0.5 else 3.0, validation=None))
    assert (found.code, found.level, found.first_step) == ("divergence", "warning", 101)
    assert found.figures["last"] == pytest.approx(3.0, rel=0.05)
    assert found.figures["rate"] == pytest.approx(RATE / 3)
    spike = health(events(loss=lambda share: 9.0 if 0.5 < share < 0.51 else smooth(share)))
    assert spike == []  # two steps
    tiny = health(events(loss=lambda share: 3.0 * float(np.exp(-40 * share)) + (0.01 if share < 0.9 else 0.018)))
    assert "divergence" not in {finding.code for finding in tiny}


def test_steps_that_overshoot() -> None:
    """Up to three times where it began, and down again: not divergence, but not well either."""
    found = only(events(loss=lambda share: 9.0 if 0.1 < share < 0.2 else smooth(share), noise=0.0))
    assert (found.code, found.level, found.first_step) == ("overshoot", "warning", 21)
    assert found.figures == {
        "first": pytest.approx(smooth(0.01), rel=1e-3),
        "peak": 9.0,
        "rate": pytest.approx(RATE / 3),
    }


def test_nothing_learned() -> None:
    found = only(events(loss=lambda share: 2.0, validation=lambda share: 2.0, noise=0.001))
    assert (found.code, found.figures["rate"]) == ("nothing-learned", pytest.approx(3 * RATE))
    # loss of single steps may hide what the validation shows
    seen = health(events(loss=lambda share: 2.0, validation=smooth, noise=0.001))
    assert "nothing-learned" not in {finding.code for finding in seen}


@pytest.mark.parametrize("validation", [lambda share: 3.0 - 1.5 * share, None])
def test_too_few_steps(validation: Curve | None) -> None:
    found = only(events(loss=lambda share: 3.0 - 1.5 * share, validation=validation, noise=0.01))
    assert (found.code, found.level, found.last_step) == ("too-few-steps", "info", NUM_STEPS)
    assert found.first_step == 120
    assert found.figures["share"] == pytest.approx((2.1 - 1.5) / 2.1, rel=0.05)
    assert found.figures["epochs"] == pytest.approx(4.0)


@pytest.mark.parametrize("with_validation", [True, False])
def test_a_plateau(with_validation: bool) -> None:
    def early(share: float) -> float:
        return 1.0 + 2.0 * float(np.exp(-40.0 * share))

    found = only(events(loss=early, validation=early if with_validation else None, noise=0.0))
    assert (found.code, found.first_step) == ("plateau", 120)
    assert found.figures["best"] == pytest.approx(1.0, abs=1e-3)


def test_an_exploding_gradient() -> None:
    restless = lambda share: smooth(share) if share < 0.7 else smooth(0.7) * 1.2  # noqa: E731
    found = [f.code for f in health(events(loss=restless, norm=lambda share: 0.3 if share < 0.8 else 30.0, limit=50.0))]
    assert "exploding-gradient" in found
    calm = health(events(norm=lambda share: 0.3 if share < 0.8 else 30.0, limit=50.0))
    assert calm == []  # the loss is at its lowest all the same


def test_clipping_stands_beside_the_loss() -> None:
    found = health(events(validation=valley, norm=lambda share: 4.0))
    assert [finding.code for finding in found] == ["overfitting", "clipping"]
    assert found[1].figures == {"share": 1.0, "usual": 4.0, "rate": pytest.approx(RATE / 2)}
    assert health(events(norm=lambda share: 4.0 if share < 0.5 else 0.5)) == []


def test_few_steps_say_nothing_and_each_model_speaks_for_itself() -> None:
    assert health(events(validation=valley, num_steps=MIN_STEPS - 10)) == []
    both = [*events(), *events(validation=valley, model="lora")]
    assert [(finding.model, finding.code) for finding in health(both)] == [("lora", "overfitting")]


FINDINGS = [
    *health(events(validation=valley, norm=lambda share: 4.0)),
    *health(
        events(loss=lambda share: smooth(share) if share < 0.5 else 3.0, norm=lambda share: 0.1 + 99 * (share > 0.9))
    ),
    *health(events(loss=shallow, validation=shallow)),
    *health(events(loss=lambda share: 9.0 if 0.1 < share < 0.2 else smooth(share))),
    *health(events(loss=lambda share: 2.0, validation=lambda share: 2.0, noise=0.001)),
    *health(events(loss=lambda share: 3.0 - 1.5 * share, validation=None, noise=0.01)),
    *health(events(loss=lambda share: 1.0 + 2.0 * float(np.exp(-40.0 * share)), validation=None, noise=0.0)),
]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: str(finding.code))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_lines_to_change_are_lines_of_a_recipe(finding: Finding, language: str, tmp_path: Path) -> None:
    key = f"health.{finding.code}"
    said = translate(key, language, **finding.parameters)
    assert str(finding.last_step) in said
    change = translate(f"{key}.change", language, **finding.parameters)
    lines = [line for quoted in re.findall("`([^`]*)`", change) for line in quoted.split(" train.")]
    overrides = [line if line.startswith("train.") else f"train.{line}" for line in lines if "=" in line]
    assert overrides
    file = tmp_path / "recipe.yaml"
    file.write_text("name: a\nprepare: {sources: rows.jsonl}\n", encoding="utf-8")
    for override in overrides:
        load_recipe(file, [override])


def test_every_code_is_tried() -> None:
    assert {finding.code for finding in FINDINGS} == {
        "clipping",
        "divergence",
        "exploding-gradient",
        "nothing-learned",
        "overfitting",
        "overshoot",
        "plateau",
        "setback",
        "too-few-steps",
    }
