"""All answers before and after: items won and lost, the spread of scores and of lengths."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import Page
from report_material import make_products

from tunesmith.metrics.wording import Language, Words
from tunesmith.records import Sample
from tunesmith.report import Products, report
from tunesmith.report.answers import LONGEST, answers_view
from tunesmith.report.charts import BOTTOM, HEIGHT, share_histogram
from tunesmith.report.pairs import judged_items

ARMS = {"base", "tuned"}


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Products:
    return make_products(tmp_path_factory.mktemp("answers"))


def told(products: Products) -> dict[str, dict[str, Sample]]:
    found: dict[str, dict[str, Sample]] = {}
    for sample in products.scorecard.samples():
        if sample.suite == "test":
            found.setdefault(sample.arm, {})[sample.item] = sample
    return found


def test_items_won_and_lost_are_counted_where_an_answer_is_right_or_wrong(products: Products) -> None:
    body = products.scorecard.body.model_copy(update={"metric": "exact_match", "task": "labels"})
    view = answers_view(judged_items(products.scorecard.samples(), ARMS), body, Words("en"))
    by_arm = told(products)
    pairs = Counter(
        (before.scores["exact_match"], by_arm["tuned"][item].scores["exact_match"])
        for item, before in by_arm["base"].items()
    )
    expected = [pairs[ends] for ends in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0))]
    assert [int(one.num_items.split()[0]) for one in view.outcomes] == expected
    assert [one.share for one in view.outcomes] == pytest.approx([num / 60 for num in expected])
    assert view.histograms == ()  # nothing is written where labels are chosen


def test_scores_in_between_and_lengths_have_a_histogram_each(products: Products) -> None:
    body, by_arm = products.scorecard.body, told(products)
    view = answers_view(judged_items(products.scorecard.samples(), ARMS), body, Words("en"))
    assert view.outcomes == ()
    scores, lengths = view.histograms
    assert (scores.code, [name for name, _ in scores.legend]) == ("scores", ["Base model", "Tuned model"])
    for _, (name, said) in zip(range(2), lengths.legend[:2], strict=True):
        arm = {"Base model": "base", "Tuned model": "tuned"}[name]
        values = sorted(len(sample.answer) for sample in by_arm[arm].values())
        quartiles = [values[round(share * (len(values) - 1))] for share in (0.25, 0.75, 0.5)]
        assert [int(number) for number in re.findall(r"\d+", said)] == quartiles
    every = sorted(
        [len(sample.answer) for arm in ARMS for sample in by_arm[arm].values()]
        + [len(sample.reference) for sample in by_arm["base"].values()]
    )
    assert lengths.caption.count(str(every[round(LONGEST * (len(every) - 1))])) == 1


def test_a_metric_of_no_single_item_has_no_histogram(products: Products) -> None:
    body = products.scorecard.body.model_copy(update={"metric": "bits_per_byte", "task": "documents"})
    view = answers_view(judged_items(products.scorecard.samples(), ARMS), body, Words("zh"))
    assert (view.outcomes, view.histograms) == ((), ())
    alone = {key: value for key, value in judged_items(products.scorecard.samples(), ARMS).items() if key[0] == "tuned"}
    assert answers_view(alone, body, Words("zh")).histograms == ()


def heights(svg: str) -> list[list[float]]:
    """Of each line, the height of every bin in percent of the axis."""
    ticks = [float(label) for label in re.findall(r'class="y"[^>]*>([\d.]+)%<', svg)]
    found = []
    for points in re.findall(r'points="([^"]+)"', svg):
        places = [float(point.split(",")[1]) for point in points.split()][::2]
        found.append([ticks[-1] * (HEIGHT - BOTTOM - y) / (HEIGHT - BOTTOM - 10.0) for y in places])
    return found


def test_each_line_of_a_histogram_is_the_share_of_its_group() -> None:
    rng = np.random.default_rng(0)
    groups = [rng.random(200).tolist(), (0.5 * rng.random(80)).tolist()]
    svg = share_histogram("h", "t", "d", groups)
    for values, line in zip(groups, heights(svg), strict=True):
        counts, _ = np.histogram(values, bins=20, range=(0, 1))
        assert line == pytest.approx(100 * counts / len(values), abs=0.2)
        assert sum(line) == pytest.approx(100, abs=1)
    below = heights(share_histogram("h", "t", "d", [[-1.0, 1.0, 1.0, 1.0]]))[0]
    assert (below[0], below[-1]) == pytest.approx((25, 75), abs=0.5)
    assert sum(heights(share_histogram("h", "t", "d", [[0.0, 0.0]]))[0]) == pytest.approx(100)


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_them(products: Products, tmp_path: Path, language: Language) -> None:
    text = report(products, language=language, out=tmp_path / "graded").html.read_text(encoding="utf-8")
    assert re.findall(r'data-histogram="(\w+)"', text) == ["scores", "lengths"]
    body = products.scorecard.body.model_copy(update={"metric": "exact_match"})
    # the figures of this metric are in the table, its differences are not
    body = body.model_copy(update={"verdicts": [v.model_copy(update={"metric": "exact_match"}) for v in body.verdicts]})
    changed = replace(products, scorecard=replace(products.scorecard, body=body))
    shown = Page(report(changed, language=language, out=tmp_path / "right").html.read_text(encoding="utf-8"))
    assert Words(language)("report.answers.won") in shown.texts["outcomes"]
