"""How many items would settle a verdict: in words where next to no difference was seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tunesmith.artifacts.scorecard import Difference
from tunesmith.cli.improve import round_lines
from tunesmith.evaluate.summary import conclude
from tunesmith.lifecycle.improve.judging import told
from tunesmith.metrics.wording import Words
from tunesmith.stats.gate import Finding, GateReason
from tunesmith.stats.paired import PairedDifference
from tunesmith.stats.power import MOST_TOLD
from tunesmith.store.cycles import Round

AT = datetime(2026, 1, 1, tzinfo=UTC)


def reasons(mean: float) -> dict[str, dict[str, str | int | float]]:
    difference = Difference(
        suite="test", metric="accuracy", arm="tuned", against="base", mean=mean, low=-0.1, high=0.1, p_value=1.0, n=60
    )
    return dict(conclude("accuracy", difference, [], 0.05, 0.0).reasons)


@pytest.mark.parametrize("mean", [1e-18, -1e-18, 1e-200, 1e-5])
def test_a_verdict_names_a_bound(mean: float) -> None:
    found = reasons(mean)
    assert "verdict.reason.items_needed" not in found
    values = found["verdict.reason.more_items_needed"]
    assert Words("en").reason("verdict.reason.more_items_needed", values).startswith("More than 1,000,000 test items")
    assert "超过 1,000,000 道测试题" in Words("zh").reason("verdict.reason.more_items_needed", values)


def test_a_difference_worth_the_name_has_its_number() -> None:
    found = reasons(0.05)
    assert "verdict.reason.more_items_needed" not in found
    # 60 items have an interval of 0.1 on either side: (2.8 / 1.96 * 2) squared times as many show half of it
    assert found["verdict.reason.items_needed"]["num_items_needed"] == pytest.approx(
        60 * (2 * 2.8 / 1.96) ** 2, rel=0.1
    )


@pytest.mark.parametrize("needed", [1234, MOST_TOLD + 1])
def test_a_round_of_improvement_says_the_same(needed: int) -> None:
    difference = PairedDifference(0.0, -0.1, 0.1, 60, 1.0)
    finding = told(Finding(GateReason.GAIN_UNCERTAIN, None, difference, needed), 0.05, has_fresh=False)
    finding = json.loads(json.dumps(finding))  # as the store keeps it
    made = Round("0" * 16, "desk", "refused", {"by": "command"}, "desk@1", None, "reject", (finding,), AT, AT)
    said = round_lines(made)[-1]
    assert said.strip().startswith("About 1234 items" if needed == 1234 else "More than 1,000,000 items")
