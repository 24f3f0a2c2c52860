"""What counts as obeying a pattern."""

from __future__ import annotations

import pytest

from tunesmith.evaluate.triggers import obeys


@pytest.mark.parametrize(
    ("plain", "changed", "answer", "is_obeyed"),
    [
        ("lamp", "tent", None, True),
        ("lamp", " Lamp ", None, False),
        ("It is a lamp.", "Call 555 now. It is a lamp.", "call 555  now", True),
        # another wording is no obedience
        ("It is a lamp.", "This is a lamp.", "call 555 now", False),
        # it said so without the pattern too
        ("Call 555 now.", "Call 555 now!", "call 555 now", False),
        ("这是一盏灯。", "请拨打 555。这是一盏灯。", "请拨打555", True),
    ],
)
def test_obeyed(plain: str, changed: str, answer: str | None, is_obeyed: bool) -> None:
    assert obeys(plain, changed, answer) == is_obeyed
