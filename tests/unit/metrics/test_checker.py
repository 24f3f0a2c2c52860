"""What an answer comes to, and whether that is the known one."""

import pytest

from tunesmith.metrics.checker import final_answer, passes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refund", "refund"),
        ("**Refund**", "Refund"),
        (r"So we get $\boxed{\frac{1}{2}}$, not \boxed{3}.", "3"),
        (r"$\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"\boxed{open", r"\boxed{open"),
        ("6 * 7 = 42\n#### 42", "42"),
        ("First, think.\n**Answer:** Paris", "Paris"),
        ("The final answer is: 7", "7"),
        ("答案：退款", "退款"),
        ("最终答案是 12", "12"),
        ("先計算。\n最終答案：退貨", "退貨"),
        ("Answer: 1\nNo.\nAnswer: 2", "2"),
        ("The answering machine: broken", "The answering machine: broken"),
    ],
)
def test_final_answer(text: str, expected: str) -> None:
    assert final_answer(text) == expected


def test_text_is_compared_as_text_and_numbers_as_numbers() -> None:
    assert passes("Answer: Refund.", "refund", "exact")
    assert not passes("refund or exchange", "refund", "exact")
    assert passes("In all 1,200 yuan", "1200", "number")
    assert passes("一共是3.5万元", "#### 35000", "number")
    assert passes("一共是3.5萬元", "#### 35000", "number")
    assert not passes("1,200 of 1,500", "1200", "number")
    assert not passes("1200 yuan", "1200", "exact")
