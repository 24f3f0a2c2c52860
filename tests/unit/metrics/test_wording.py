"""Figures and names of metrics in words."""

from __future__ import annotations

import pytest
from card_material import scorecard_body

from tunesmith.metrics.wording import Language, Words, figure


def test_what_is_small_is_not_written_as_zero() -> None:
    assert [figure(value) for value in (0.8741, 0.0, 0.0005, 0.00012, -0.0001)] == [
        "0.874",
        "0.000",
        "0.001",
        "1.2e-4",
        "0.000",
    ]


def test_a_users_function_keeps_its_own_name() -> None:
    assert [Words("zh").metric(name) for name in ("bleu", "confidence", "solved")] == [
        "BLEU（0-100）",
        "置信度",
        "solved",
    ]


@pytest.mark.parametrize(("language", "unknown"), [("en", "is not known"), ("zh", "尚不清楚")])
def test_that_nothing_else_was_lost_is_said_only_where_something_else_was_asked(
    language: Language, unknown: str
) -> None:
    words, asked = Words(language), scorecard_body()
    unasked = asked.model_copy(update={"forgetting": []})
    (verdict,) = asked.verdicts
    assert words.meaning(verdict, asked) == words("verdict.meaning.better")
    assert unknown not in words.meaning(verdict, asked)
    assert unknown in words.meaning(verdict, unasked)
    worse = verdict.model_copy(update={"word": "worse"})
    assert words.meaning(worse, unasked) == words("verdict.meaning.worse")
