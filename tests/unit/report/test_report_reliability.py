"""Reliability diagrams held against scikit-learn and SciPy, and where they stand on the page."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from pages import Page
from report_material import make_products
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from tunesmith.artifacts.calibration import CalibrationTable
from tunesmith.evaluate.confidence import calibration_table, mend
from tunesmith.metrics.wording import Language, Words
from tunesmith.recipe.confidence import Confidence
from tunesmith.report import report
from tunesmith.report.reliability import diagrams, reliability_chart
from tunesmith.stats.maps import Stated


def stated(num: int, seed: int, *, is_too_sure: bool = True) -> Stated:
    """Confidences of a model that is right less often than it says."""
    rng = np.random.default_rng(seed)
    confidence_N = rng.beta(5, 2, num)
    chance_N = confidence_N**3 if is_too_sure else confidence_N
    return Stated(confidence_N, (rng.random(num) < chance_N).astype(np.float64))


def mended_table(num: int) -> CalibrationTable:
    told = stated(num, 1)
    mending, _ = mend(told, None, Confidence(map="platt"), 0)
    return calibration_table(told, "accuracy", 0).model_copy(update={"mending": mending})


def shares(svg: ElementTree.Element, css_class: str, coordinate: str, values: list[float]) -> list[float]:
    """What a reader takes drawn places for, by the axis' own labels: the first and the last percentage."""
    labels = [one for one in svg.iter("text") if one.attrib["class"] == css_class and (one.text or "").endswith("%")]
    (low, start), (high, end) = (
        (float((one.text or "").rstrip("%")), float(one.attrib[coordinate])) for one in (labels[0], labels[-1])
    )
    return [(low + (value - start) / (end - start) * (high - low)) / 100 for value in values]


def test_points_lie_where_scikit_learn_has_them_with_scipys_intervals() -> None:
    told = stated(437, 0)
    table = calibration_table(told, "accuracy", seed=0)
    svg = ElementTree.fromstring(str(reliability_chart("c", "t", "d", table.bins)))
    right_B, sure_B = calibration_curve(told.is_right_N, told.confidence_N, n_bins=10, strategy="quantile")
    dots, whiskers = list(svg.iter("circle")), [one for one in svg.iter("line") if "whisker" in one.attrib["class"]]
    near = {"abs": 1e-4}
    assert shares(svg, "x", "x", [float(dot.attrib["cx"]) for dot in dots]) == pytest.approx(sure_B.tolist(), **near)
    assert shares(svg, "y", "y", [float(dot.attrib["cy"]) for dot in dots]) == pytest.approx(right_B.tolist(), **near)
    num_B = [one.n for one in table.bins]
    assert sum(num_B) == 437
    for side, end in (("y1", "low"), ("y2", "high")):
        expected = [
            getattr(binomtest(round(num * right), num).proportion_ci(method="wilson"), end)
            for num, right in zip(num_B, right_B.tolist(), strict=True)
        ]
        drawn = shares(svg, "y", "y", [float(one.attrib[side]) for one in whiskers])
        assert drawn == pytest.approx(expected, **near)
    (line,) = (one for one in svg.iter("line") if one.attrib["class"] == "diagonal")
    for x, y, end in (("x1", "y1", 0.0), ("x2", "y2", 1.0)):
        assert shares(svg, "x", "x", [float(line.attrib[x])]) == pytest.approx([end], **near)
        assert shares(svg, "y", "y", [float(line.attrib[y])]) == pytest.approx([end], **near)


def test_columns_are_as_high_as_their_answers_are_many() -> None:
    confidence_N = np.repeat([0.3, 0.6, 0.9], [10, 20, 40])
    table = calibration_table(Stated(confidence_N, np.ones(70)), "accuracy", seed=0)
    svg = ElementTree.fromstring(str(reliability_chart("c", "t", "d", table.bins)))
    columns = [{name: float(value) for name, value in one.items() if name != "class"} for one in svg.iter("rect")]
    heights = [column["height"] for column in columns]
    assert [one.n for one in table.bins] == [10, 20, 40]
    assert [height / heights[-1] for height in heights] == pytest.approx([0.25, 0.5, 1.0], abs=1e-3)
    assert len({column["y"] + column["height"] for column in columns}) == 1
    middles = [column["x"] + column["width"] / 2 for column in columns]
    assert middles == pytest.approx([float(dot.attrib["cx"]) for dot in svg.iter("circle")])
    assert [one.text for one in svg.iter("text") if one.attrib["class"] == "y"][-2:] == ["0", "40"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "before", "after", "bin_told"),
    [
        ("en", "before the map, 300 answers", "after the map (Platt's curve), 300 answers", r"% sure, \S+% right \("),
        ("zh", "映射前，300 个回答", "映射后（Platt 缩放），300 个回答", r"置信度 \S+%，答对 \S+%（"),
    ],
)
def test_before_and_after_stand_side_by_side(
    tmp_path: Path, language: Language, before: str, after: str, bin_told: str
) -> None:
    products = make_products(tmp_path)
    tables = {"base": {"label": calibration_table(stated(90, 2), "accuracy", 0)}, "tuned": {"label": mended_table(600)}}
    body = products.scorecard.body.model_copy(update={"calibration": tables})
    products = replace(products, scorecard=replace(products.scorecard, body=body))
    text = report(products, language=language, out=tmp_path / "out").html.read_text(encoding="utf-8")
    page = Page(text)
    rows = re.findall(r'<div class="charts reliability">\s*(<figure.*?)</div>', text, re.S)
    assert [row.count("<svg") for row in rows] == [row.count("reliability-diagram") for row in rows] == [1, 2]
    assert all(told in html.unescape(rows[1]) for told in (before, after))
    assert len(re.findall(bin_told, rows[1])) == 20
    for number in range(3):
        assert text.count(f'id="reliability{number}-title"') == text.count(f'id="reliability{number}-desc"') == 1
    cells = [row for row in page.tables["reliability"] if row[0].strip().startswith("0.")]
    mending = tables["tuned"]["label"].mending
    assert mending is not None
    assert mending.after is not None
    bins = [*tables["base"]["label"].bins, *mending.before.bins, *mending.after.bins]
    assert [cell[3].strip() for cell in cells] == [str(one.n) for one in bins]
    assert [float(cell[1]) for cell in cells] == pytest.approx([round(one.accuracy, 3) for one in bins])
    # the map brings the points nearer to the diagonal
    gaps = [sum(abs(b.accuracy - b.confidence) * b.n for b in one.bins) for one in (mending.before, mending.after)]
    assert gaps[1] < gaps[0] / 2


def test_a_map_of_an_earlier_version_has_no_diagram_of_its_own(tmp_path: Path) -> None:
    table = mended_table(600)
    assert table.mending is not None
    assert table.mending.after is not None
    parts = {part: getattr(table.mending, part).model_copy(update={"bins": []}) for part in ("before", "after")}
    old = table.model_copy(update={"mending": table.mending.model_copy(update=parts)})
    body = make_products(tmp_path).scorecard.body.model_copy(update={"calibration": {"tuned": {"label": old}}})
    ((only,),) = diagrams(body, Words("en"))
    assert only.rows == "600 answers"
    empty = old.model_copy(update={"bins": []})
    assert diagrams(body.model_copy(update={"calibration": {"tuned": {"label": empty}}}), Words("en")) == ()
