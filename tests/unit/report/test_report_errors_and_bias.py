"""Errors by kind and bias of models on the page, in both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pages import Page
from report_material import Options, make_products

from tunesmith.artifacts.mistakes import ERROR_KINDS, ErrorCount, ErrorKind, ErrorPart
from tunesmith.artifacts.model_bias import GroupGap, ModelBias, SwapEffect
from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Language, Words
from tunesmith.report import report
from tunesmith.report.model_bias import bias_view

SHARE = Estimate(value=0.25, low=0.2, high=0.3, n=60)


def count_of(kind: ErrorKind, number: int, *parts: ErrorPart) -> ErrorCount:
    return ErrorCount(kind=kind, count=number, share=SHARE, parts=list(parts), worst=["003-en", "001-zh"])


def change(kind: str, mean: float) -> Difference:
    return Difference(
        suite="test", metric=kind, arm="tuned", against="base", mean=mean, low=mean - 0.05, high=mean + 0.05,
        p_value=0.01, p_adjusted=0.02, n=60,
    )  # fmt: skip


ERRORS = {
    "base": [count_of("refused", 20), count_of("number", 9)],
    "tuned": [
        count_of(
            "number",
            12,
            ErrorPart(wanted="", told="magnitude", count=8, items=["003-en"]),
            ErrorPart(wanted="", told="sign", count=4, items=["001-zh"]),
        ),
        count_of("language", 3, ErrorPart(wanted="zh", told="en", count=3, items=["001-zh"])),
    ],
}
CHANGES = [change("refused", -0.3), change("number", 0.02), change("language", 0.1)]


def gap(figure: str, difference: float, p_adjusted: float, label: str = "", arm: str = "tuned") -> GroupGap:
    return GroupGap.model_validate(
        {
            "arm": arm, "attribute": "gender", "group": "female", "against": "male", "figure": figure, "label": label,
            "inside": SHARE, "outside": SHARE, "difference": difference, "low": difference - 0.1,
            "high": difference + 0.1, "p_value": p_adjusted / 2, "p_adjusted": p_adjusted,
        }
    )  # fmt: skip


BIAS = ModelBias(
    group_sizes={"gender": {"female": 40, "male": 20}, "region": {}},
    gaps=[
        gap("score", 0.01, 1.0),
        gap("true_positive", 0.05, 0.9, "loan"),
        gap("true_positive", -0.25, 0.01, "refusal"),
        gap("true_positive", 0.02, 0.9, "call"),
        gap("false_positive", 0.04, 0.8, "loan"),
    ],
    swaps=[
        SwapEffect(
            arm="tuned", attribute="gender", language=language, changed=SHARE,
            difference=change("rouge_l", -0.1), items=["003-en"],
        )
        for language in ("", "zh")
    ],
)  # fmt: skip


def page(tmp_path: Path, language: Language) -> Page:
    products = make_products(tmp_path, Options())
    body = products.scorecard.body.model_copy(update={"errors": ERRORS, "error_changes": CHANGES, "bias": BIAS})
    with_all = replace(products, scorecard=replace(products.scorecard, body=body))
    return Page(report(with_all, language=language, out=tmp_path / "out").html.read_text(encoding="utf-8"))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "kinds", "told"),
    [
        (
            "en",
            ["refused", "in another language", "another number"],
            ["off by a power of ten", "wrong sign", "Chinese → English"],
        ),
        ("zh", ["拒答", "语言不对", "数值不对"], ["差了数量级", "正负号相反", "中文 → 英文"]),
    ],
)
def test_errors_stand_before_and_after(tmp_path: Path, language: Language, kinds: list[str], told: list[str]) -> None:
    shown = page(tmp_path, language)
    rows = [[" ".join(cell.split()) for cell in row] for row in shown.tables["errors"][1:]]
    assert [row[0] for row in rows] == kinds
    assert [(row[2], row[4]) for row in rows] == [("20", "0"), ("0", "3"), ("9", "12")]
    assert [row[5].split()[0] for row in rows] == ["−0.300", "+0.100", "+0.020"]
    assert rows[0][3] == "–"
    assert [row[6] for row in rows] == ["0.020"] * 3
    parts = [
        [" ".join(cell.split()) for cell in row]
        for row in shown.tables["error-parts"]
        if "001" in row[2] or "003" in row[2]
    ]
    assert [row[0] for row in parts] == told
    assert "003-en, 001-zh" in shown.texts["error-examples"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_bias_stands_by_group_and_by_swap(tmp_path: Path, language: Language) -> None:
    shown = page(tmp_path, language)
    gaps = [[" ".join(cell.split()) for cell in row] for row in shown.tables["bias-gaps"][1:]]
    # the metric, the clear and widest gap of one kind, the widest of the other
    assert [row[5].split()[0] for row in gaps] == ["+0.010", "−0.250", "+0.040"]
    assert "25%" in shown.texts["bias-groups"]
    assert "4%" in shown.texts["bias-groups"]
    swaps = [[" ".join(cell.split()) for cell in row] for row in shown.tables["bias-swaps"][1:]]
    assert [row[1] for row in swaps] == (["all", "Chinese"] if language == "en" else ["全部", "中文"])
    assert [row[3] for row in swaps] == ["60", "60"]


@pytest.mark.thorough
def test_without_protected_attributes_nothing_is_said(tmp_path: Path) -> None:
    products = make_products(tmp_path, Options())
    shown = Page(report(products, language="en", out=tmp_path / "out").html.read_text(encoding="utf-8"))
    assert {"errors", "bias-gaps", "bias-swaps"}.isdisjoint(shown.tables)
    assert bias_view(products.scorecard.body, Words("en")) is None


def test_every_kind_has_its_words() -> None:
    assert {f"mistake.{kind}" for kind in ERROR_KINDS} <= set(CATALOGUE)
