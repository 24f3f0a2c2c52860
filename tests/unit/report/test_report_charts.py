from __future__ import annotations

import math
import random
import re
from xml.etree import ElementTree

import pytest

from tunesmith.artifacts import Event
from tunesmith.report import charts
from tunesmith.report.charts import Series


def event(step: int, **data: object) -> Event:
    return Event("metric", "2026-01-01T00:00:00", 1, data, step)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def points(element: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in element.attrib["points"].split())]


def read_scale(svg: ElementTree.Element, css_class: str, coordinate: str) -> tuple[float, float]:
    """Offset and pixels per unit, from the first and last tick label as a reader's eye takes them."""
    labels = [text for text in svg.iter("text") if text.attrib["class"] == css_class]
    (first, start), (last, end) = (
        (float((label.text or "").replace(",", "").replace("k", "e3")), float(label.attrib[coordinate]))
        for label in (labels[0], labels[-1])
    )
    slope = (end - start) / (last - first)
    return start - slope * first, slope


@pytest.mark.parametrize("scale", [1.0, 2e-4, 14_000.0])
def test_the_line_lies_where_the_axis_labels_say(scale: float) -> None:
    source = random.Random(1)
    values = tuple(scale * (0.5 + source.random()) for _ in range(30))
    series = Series("tuned", tuple(range(1, 31)), values)
    svg = parse(charts.line_chart("c0", "Loss", "falls", [series], smooth=True))
    (line,) = svg.iter("polyline")
    x_offset, x_slope = read_scale(svg, "x", "x")
    y_offset, y_slope = read_scale(svg, "y", "y")
    drawn = points(line)
    assert len(drawn) == 30
    for (x, y), step, value in zip(drawn, series.steps, values, strict=True):
        assert x == pytest.approx(x_offset + x_slope * step, abs=0.03)
        assert y == pytest.approx(y_offset + y_slope * value, abs=0.03)
    assert y_slope < 0 < x_slope
    assert drawn[-1][0] == pytest.approx(charts.WIDTH - charts.RIGHT, abs=0.01)
    grid = [float(rule.attrib["y1"]) for rule in svg.iter("line")]
    assert (grid[0], grid[-1]) == pytest.approx((charts.HEIGHT - charts.BOTTOM, charts.TOP))


def test_smoothing_draws_the_raw_line_light_and_the_average_over_it() -> None:
    values = tuple(float(number % 2) for number in range(100))
    svg = parse(charts.line_chart("c0", "t", "d", [Series("tuned", tuple(range(1, 101)), values)], smooth=True))
    raw, calm = svg.iter("polyline")
    assert raw.attrib["class"].startswith("raw ")
    assert calm.attrib["class"].startswith("line ")
    heights = [y for _, y in points(calm)][50:]
    raw_heights = [y for _, y in points(raw)]
    assert max(heights) - min(heights) < 0.5 * (max(raw_heights) - min(raw_heights))


def test_average_equals_its_written_out_form() -> None:
    values, decay = [3.0, 1.0, 4.0, 1.0, 5.0], 1 - 2 / (4 + 1)
    expected = []
    for last in range(len(values)):
        weights = [decay ** (last - place) for place in range(last + 1)]
        expected.append(sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights))
    assert charts.smoothed(values, span=4) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(40))
def test_ticks_are_round_few_and_enclose_the_data(seed: int) -> None:
    source = random.Random(seed)
    low = source.uniform(-5, 5) * 10 ** source.randint(-6, 6)
    high = low + abs(source.gauss(0, 1)) * 10 ** source.randint(-6, 6) + 1e-12
    ticks = charts.round_ticks(low, high)
    width = ticks[1] - ticks[0]
    mantissa = width / 10 ** math.floor(math.log10(width) + 1e-6)
    assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5)) < 1e-3
    assert 2 <= len(ticks) <= 7
    slack = 1e-6 * width + 1e-9 * abs(low)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


def test_a_constant_line_and_a_single_point_can_be_drawn() -> None:
    for series in (Series("tuned", (1, 2, 3), (0.0, 0.0, 0.0)), Series("tuned", (5,), (2.5,))):
        svg = parse(charts.line_chart("c0", "t", "d", [series], smooth=False))
        assert len(list(svg.iter("circle"))) == len(series.steps)


def test_thinning_keeps_the_order_and_every_spike() -> None:
    values = [0.0] * 50_000
    values[31_337] = 9.0
    thinned = charts.thin_out(Series("tuned", tuple(range(50_000)), tuple(values)))
    assert len(thinned.steps) <= charts.MAX_POINTS
    assert list(thinned.steps) == sorted(set(thinned.steps))
    assert (31_337, 9.0) in zip(thinned.steps, thinned.values, strict=True)


def test_collect_keeps_models_apart_and_counts_what_cannot_be_drawn() -> None:
    events = [
        event(1, **{"train/loss": 2.0, "model": "tuned"}),
        event(1, **{"train/loss": 3.0, "model": "small"}),
        event(2, **{"train/loss": math.nan, "model": "tuned"}),
        event(3, **{"train/loss": 1.0, "model": "tuned"}),
        event(3, **{"eval/loss": 7.0, "model": "tuned"}),
        event(4, **{"train/loss": math.inf, "model": "hopeless"}),
    ]
    assert charts.collect(events, "train/loss") == [
        Series("tuned", (1, 3), (2.0, 1.0), num_not_finite=1),
        Series("small", (1,), (3.0,)),
    ]


def test_every_line_has_its_own_style_and_the_picture_a_title_and_a_description() -> None:
    lines = [Series(name, (1, 2), (1.0, 2.0)) for name in ("tuned", "a<b")]
    svg = parse(charts.line_chart("c3", "Loss <i>", "rises & falls", lines, smooth=False))
    assert [line.attrib["class"] for line in svg.iter("polyline")] == ["line s0", "line s1"]
    assert svg.attrib["aria-labelledby"] == "c3-title c3-desc"
    assert (svg[0].tag, svg[0].text, svg[1].tag, svg[1].text) == ("title", "Loss <i>", "desc", "rises & falls")


def test_small_ticks_are_written_short() -> None:
    assert [charts.tick_label(tick) for tick in charts.round_ticks(0, 2e-4)] == ["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]
    assert re.fullmatch(r"12k", charts.tick_label(12_000.0))


def test_percentages_stand_over_their_categories() -> None:
    names = [f"{year} Q{quarter}" for year in (2021, 2022) for quarter in (1, 2, 3, 4)]
    shares = (10.0, 20.0, 55.0, 40.0, 30.0, 20.0, 10.0, 0.0)
    series = Series("complaint", tuple(range(8)), shares)
    svg = parse(charts.category_chart("c", "Labels over time", "complaint: 10% to 0%", [series], names))
    (line,) = svg.iter("polyline")
    drawn = points(line)
    labels = {text.text: float(text.attrib["x"]) for text in svg.iter("text") if text.attrib["class"] == "x"}
    assert 2 <= len(labels) <= charts.MAX_CATEGORY_LABELS
    for name, x in labels.items():
        assert drawn[names.index(str(name))][0] == pytest.approx(x, abs=0.01)
        assert charts.LEFT < x < charts.WIDTH - charts.RIGHT
    ticks = [
        (float((text.text or "").removesuffix("%")), float(text.attrib["y"]))
        for text in svg.iter("text")
        if text.attrib["class"] == "y"
    ]
    assert ticks[0][0] == 0
    slope = (ticks[-1][1] - ticks[0][1]) / ticks[-1][0]
    for (_, y), share in zip(drawn, shares, strict=True):
        assert y == pytest.approx(ticks[0][1] + slope * share, abs=0.03)


@pytest.mark.parametrize("values", [(7,), tuple(range(1, 800, 3)), (5, 5, 5, 4000)])
def test_the_columns_of_a_histogram_count_the_values(values: tuple[int, ...]) -> None:
    svg = parse(charts.histogram("h", "Lengths", "d", values))
    offset, slope = read_scale(svg, "x", "x")
    zero, per_value = read_scale(svg, "y", "y")
    columns = list(svg.iter("rect"))
    edges = [(float(rect.attrib["x"]) - 0.75 - offset) / slope for rect in columns]
    width = (float(columns[0].attrib["width"]) + 1.5) / slope
    heights = [(float(rect.attrib["y"]) - zero) / per_value for rect in columns]
    assert sum(heights) == pytest.approx(len(values), rel=0.01)
    for edge, height in zip(edges, heights, strict=True):
        inside = sum(edge - 0.01 * width <= value < edge + width * 0.99 for value in values)
        last = sum(edge <= value <= edge + width * 1.01 for value in values)
        assert round(height) in (inside, last)
