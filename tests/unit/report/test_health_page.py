"""The page on a served model's health says what the reports say, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from monitor_material import BEGIN, WEEK
from pages import Page, numbers

from tunesmith.artifacts.health import Figure, HealthBody, Shift, Unfamiliar
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Language, Words
from tunesmith.monitor.features import FAMILIES, NO_LABEL
from tunesmith.monitor.run import ENDS
from tunesmith.report import health as page_of_health
from tunesmith.report.health import health_page

LANGUAGES: tuple[Language, ...] = ("en", "zh")
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} 退款"
LANGUAGE = Shift(
    feature="language", family="input", test="chi_square", effect=0.3125, p_value=0.00004, num_reference=900,
    num_window=300, psi=0.41, psi_limit=0.06, is_alarm=True, classes={"zh": (0.2, 0.5125), "en": (0.8, 0.4875)},
)  # fmt: skip
LENGTH = Shift(
    feature="length", family="input", test="ks", effect=0.0625, p_value=0.375, num_reference=900, num_window=300
)


def body(week: int, **fields: object) -> HealthBody:
    since = BEGIN + week * WEEK
    made = HealthBody(
        model="support-bot",
        bundle="0123456789abcdef",
        since=since,
        until=since + WEEK,
        num_exchanges=1300 + week,
        num_feedback=17,
        is_judged=True,
        num_accepted=week,
        level=0.0191,
        false_alarms_per_year=1.0,
        shifts=[LANGUAGE, LENGTH],
        figures=[
            Figure(name="latency_p95_seconds", family="operations", value=1.25, reference=0.75),
            Figure(name="length_mean", family="input", value=41.5, reference=40.25),
            Figure(name="thumbs_down_share", family="quality", value=0.125, reference=None),
        ],
        unfamiliar=[Unfamiliar(exchanges=["ex-1", "ex-2"], examples=[HOSTILE], distance=0.625)],
    )
    return made.model_copy(update=fields)


def pages(tmp_path: Path, *bodies: HealthBody) -> dict[Language, Page]:
    found = {}
    for language in LANGUAGES:
        text = health_page(bodies, language=language, out=tmp_path / language).read_text(encoding="utf-8")
        assert "<script" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        found[language] = Page(text)
    return found


def test_alarms_come_first_with_their_figures(tmp_path: Path) -> None:
    for language, page in pages(tmp_path, body(0, shifts=[LENGTH]), body(1)).items():
        first, second = page.tables["shifts"][1:]
        assert Words(language)("monitor.feature.language") in first[0]
        assert numbers(first[4]) == [0.312]
        assert "4e-5" in first[5]
        assert numbers(first[8]) == [0.41, 0.06]
        assert numbers(" ".join(second[2:5])) == [40.25, 41.5, 0.062]
        assert "20%" in page.texts["alarms"]
        assert "51.2%" in page.texts["alarms"]
        assert numbers(page.texts["rate"])[:3] == [1.0, 0.083, 1.91]
        assert HOSTILE in page.texts["cluster"]
        assert [numbers(row[1]) for row in page.tables["windows"][1:]] == [[1301], [1300]]
        assert "polyline" in page.tags


def test_figures_stand_beside_the_usual(tmp_path: Path) -> None:
    rows = pages(tmp_path, body(0))["en"].tables["figures"][1:]
    assert [[cell.strip() for cell in row[2:]] for row in rows] == [["0.75", "1.25"], ["40.25", "41.5"], ["–", "12.5%"]]
    assert "latency_p95_seconds" in rows[0][0]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "alarm"),
        ({"shifts": [LENGTH]}, "quiet"),
        ({"is_judged": False, "shifts": []}, "few"),
        ({"is_judged": False, "shifts": [], "figures": [], "unfamiliar": [], "num_exchanges": 0}, "empty"),
    ],
)
def test_every_state_has_its_words(tmp_path: Path, fields: dict[str, object], state: str) -> None:
    for language, page in pages(tmp_path, body(0, **fields)).items():
        assert Words(language)(f"monitor.state.{state}", count=1) in page.texts["state"]


def test_all_that_is_found_has_a_name() -> None:
    for feature in FAMILIES:
        assert f"monitor.feature.{feature}" in CATALOGUE
    for family in set(FAMILIES.values()) | {"operations"}:
        assert f"monitor.family.{family}" in CATALOGUE
    for figure in ENDS.values():
        assert f"monitor.figure.{figure}" in CATALOGUE
    assert page_of_health.NO_LABEL == NO_LABEL
