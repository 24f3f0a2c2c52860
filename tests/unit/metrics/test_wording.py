"""Figures and names of metrics in words."""

from __future__ import annotations

from tunesmith.metrics.wording import Words, figure


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
