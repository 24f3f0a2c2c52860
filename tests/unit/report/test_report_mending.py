"""Confidence in the report: maps before and after, from where on to answer, and the chart, in both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pages import Page, numbers
from report_material import make_products

from tunesmith.artifacts.calibration import CalibrationTable, ConfidenceScores, CoveragePoint, Mending
from tunesmith.metrics.wording import Language
from tunesmith.report import report
from tunesmith.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Band, Series, band_chart

CURVE = [
    CoveragePoint(confidence=0.9, coverage=0.5, n=50, accuracy=0.96, low=0.87, high=0.99),
    CoveragePoint(confidence=0.4, coverage=1.0, n=100, accuracy=0.8, low=0.71, high=0.87),
]


def scores(ece: float) -> ConfidenceScores:
    return ConfidenceScores(n=100, ece=ece, ece_of_calibrated=0.04, p_value=0.2, brier=0.15, log_loss=0.512)


def table(mending: Mending | None) -> CalibrationTable:
    return CalibrationTable(
        metric="accuracy", n=100, accuracy=0.8, confidence=0.9, ece=0.12, ece_of_calibrated=0.05, p_value=0.01,
        rms_debiased=0.1, brier=0.16, bins=[], risk={"1.0": 0.2, "0.5": 0.04}, risk_area=0.07, curve=CURVE,
        mending=mending,
    )  # fmt: skip


MENDED = Mending(
    method="platt", reason="best", rows="half_of_test", num_fitted=100, log_losses={"none": 0.6, "platt": 0.5},
    before=scores(0.123), after=scores(0.045), wanted_accuracy=0.95, abstain=CURVE[0],
)  # fmt: skip
LEFT_ALONE = Mending(
    method=None, reason="too_few", rows="validation", num_fitted=12, before=scores(0.2), wanted_accuracy=0.95
)


def page(folder: Path, language: Language, **body: Any) -> tuple[Page, str]:
    products = make_products(folder)
    card = replace(products.scorecard, body=products.scorecard.body.model_copy(update=body))
    text = report(replace(products, scorecard=card), language=language, out=folder / "out").html.read_text("utf-8")
    return Page(text), text


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "named", "said"),
    [
        (
            "en",
            [
                "Tuned model",
                "Platt's curve smallest cross-validated log loss",
                "100 test rows, judged on the other half",
            ],
            ["answer only from a calibrated confidence of 0.900", "50% of the questions", "96% of them rightly", "87%"],
        ),
        (
            "zh",
            ["微调后的模型", "Platt 缩放 交叉验证的对数损失最小", "100 条测试数据"],
            ["校准后的置信度不低于 0.900", "50% 的问题", "96% 答对"],
        ),
    ],
)
def test_maps_and_where_to_answer_from_are_told(
    language: Language, named: list[str], said: list[str], tmp_path: Path
) -> None:
    tables = {"tuned": {"label": table(MENDED), "likelihood": table(LEFT_ALONE)}, "base": {"label": table(None)}}
    shown, text = page(tmp_path, language, calibration=tables, unstated={"tuned": {"verbalised": 1234}})
    _, mended, alone = ([" ".join(cell.split()) for cell in row] for row in shown.tables["mending"])
    assert mended[0] in named[0] or named[0] in mended[0]
    assert (mended[1], mended[2].startswith(named[2])) == (named[1], True)
    assert [numbers(cell) for cell in mended[3:]] == [[0.123, 0.045], [0.04, 0.04], [0.15, 0.15], [0.512, 0.512]]
    assert [numbers(cell) for cell in alone[3:]] == [[0.2], [0.04], [0.15], [0.512]]
    assert ("30" in alone[1], "12" in alone[2]) == (True, True)
    for words in (*said, "1,234"):
        assert words in shown.texts["abstain"]
    assert len(shown.tables["calibration"]) == 4
    charts = [f'id="coverage-{kind}-title"' in text for kind in ("label", "likelihood", "verbalised")]
    assert charts == [True, True, False]


@pytest.mark.thorough
def test_without_confidence_there_is_no_such_part(tmp_path: Path) -> None:
    shown, text = page(tmp_path, "en", calibration={}, unstated={})
    assert "calibration" not in shown.tables
    assert "coverage-" not in text


def test_the_band_lies_around_its_line() -> None:
    line = Series("tuned", (50, 100), (96.0, 80.0))
    svg = ElementTree.fromstring(str(band_chart("c", "t", "d", [Band(line, (87.0, 71.0), (99.0, 87.0))])))
    labels = [float((text.text or "").rstrip("%")) for text in svg.iter("text") if text.attrib["class"] == "y"]
    assert (labels[0] <= 71.0, labels[-1]) == (True, 100.0)

    def place(coverage: float, accuracy: float) -> tuple[float, float]:
        x = LEFT + coverage / 100 * (WIDTH - RIGHT - LEFT)
        share = (accuracy - labels[0]) / (labels[-1] - labels[0])
        return pytest.approx(x, abs=0.02), pytest.approx(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), abs=0.02)

    def drawn(kind: str) -> list[tuple[float, ...]]:
        (shape,) = svg.iter(kind)
        return [tuple(map(float, pair.split(","))) for pair in shape.attrib["points"].split()]

    assert drawn("polyline") == [place(50, 96), place(100, 80)]
    assert drawn("polygon") == [place(50, 99), place(100, 87), place(100, 71), place(50, 87)]
