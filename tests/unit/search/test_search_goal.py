from __future__ import annotations

import pytest

from tunesmith.artifacts.figures import Estimate
from tunesmith.errors import TunesmithError
from tunesmith.search.goal import Goal, read_goal

METRICS = ("accuracy", "macro_f1", "mae", "bits_per_byte", "thinking_characters", "my_own")


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("accuracy>=0.9", Goal("accuracy", ">=", 0.9)),
        (" accuracy > 90 % ", Goal("accuracy", ">", 0.9)),
        ("mae<=1.5e1", Goal("mae", "<=", 15.0)),
        ("bits_per_byte<.8", Goal("bits_per_byte", "<", 0.8)),
        ("my_own>=1", Goal("my_own", ">=", 1.0)),
    ],
)
def test_a_goal_is_read(text: str, goal: Goal) -> None:
    assert read_goal(text, METRICS) == goal


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("accuracy", "goal-form"),
        ("accuracy=0.9", "goal-form"),
        ("accuracy==0.9", "goal-form"),
        ("accuracy=>0.9", "goal-form"),
        ("accuracy>=0.9 and mae<1", "goal-form"),
        ("accuracy>=nan", "goal-form"),
        ("0.9<=accuracy", "goal-form"),
        ("accuracy>=0.9;rm", "goal-form"),
        ("", "goal-form"),
        ("acuracy>=0.9", "goal-metric-near"),
        ("qqq>=0.9", "goal-metric"),
        ("accuracy<=0.9", "goal-direction"),
        ("mae>=1", "goal-direction"),
        # neither more nor less is better
        ("thinking_characters>=9", "goal-direction"),
        ("thinking_characters<=9", "goal-direction"),
        ("accuracy>=90", "goal-range"),
        ("accuracy>=1.0001", "goal-range"),
        ("mae<=-1", "goal-range"),
    ],
)
def test_what_is_no_goal_is_refused(text: str, code: str) -> None:
    with pytest.raises(TunesmithError) as caught:
        read_goal(text, METRICS)
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)


def test_the_closest_metric_is_named() -> None:
    with pytest.raises(TunesmithError) as caught:
        read_goal("acuracy>=0.9", METRICS)
    assert "`accuracy`" in caught.value.hint()


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        (0.95, 0.91, 0.98, "confirmed"),
        (0.95, 0.90, 0.98, "confirmed"),
        (0.95, 0.89, 0.98, "within_error"),
        (0.89, 0.80, 0.98, "missed"),
        (0.95, None, None, "within_error"),
    ],
)
def test_what_the_test_rows_say_of_a_goal(value: float, low: float | None, high: float | None, word: str) -> None:
    assert Goal("accuracy", ">=", 0.9).confirmation(Estimate(value=value, low=low, high=high, n=9)) == word
    turned = Estimate(value=-value, low=None if high is None else -high, high=None if low is None else -low, n=9)
    assert Goal("mae", "<=", -0.9).confirmation(turned) == word


def test_a_bound_is_met_as_it_is_written() -> None:
    assert Goal("accuracy", ">=", 0.9).is_met(0.9)
    assert not Goal("accuracy", ">", 0.9).is_met(0.9)
    assert Goal("mae", "<", 0.9).is_met(0.89)
