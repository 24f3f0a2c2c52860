"""The page on a served model's health: alarms first, then every figure, the unfamiliar requests, and all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts import write_whole
from tunesmith.artifacts.health import Figure, HealthBody, Shift
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Language, Words, count, figure, percent, significant
from tunesmith.report.charts import Series, line_chart
from tunesmith.report.pairs import shorten
from tunesmith.report.render import render_page
from tunesmith.text.markdown import encoded

PAGE: Final = "health.html"
MONTHS: Final = 12
MAX_CHARTED: Final = 6
"""Lines of the chart of effects: those with the largest effects of the last window that was judged."""
UNTOLD: Final = "–"
LATENCY: Final = "latency_p95_seconds"
NO_LABEL: Final = "(none)"
"""How the stage names the class of an answer that names no class."""
_TONES: Final = {"alarm": "bad", "quiet": "good", "few": "warn", "empty": "warn"}


@dataclass(frozen=True)
class ShiftView:
    name: str
    family: str
    usual: str
    now: str
    alarm: str
    """What changed, in a line."""
    figures: str
    effect: str
    p_value: str
    test: str
    sizes: str
    psi: str
    is_alarm: bool


@dataclass(frozen=True)
class FigureView:
    name: str
    code: str
    """By which a rule names it."""
    family: str
    usual: str
    now: str


@dataclass(frozen=True)
class ClusterView:
    title: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class WindowView:
    since: str
    exchanges: str
    state: str
    alarms: str


@dataclass(frozen=True)
class ChartView:
    title: str
    svg: Markup
    legend: tuple[str, ...]


@dataclass(frozen=True)
class HealthView:
    title: str
    bundle: str
    window: str
    counts: str
    against: str
    tone: str
    state: str
    meaning: str
    rate: str
    shifts: tuple[ShiftView, ...]
    figures: tuple[FigureView, ...]
    clusters: tuple[ClusterView, ...]
    windows: tuple[WindowView, ...]
    charts: tuple[ChartView, ...]


def health_page(bodies: Sequence[HealthBody], *, language: Language, out: Path) -> Path:
    """Write `health.html`, one self-contained page on the last of the windows and the way there, into `out`."""
    words = Words(language)
    page = render_page(
        "health.html.j2",
        words,
        ("report.css", "prepare.css"),
        view=health_view(bodies, words),
        kind=words("monitor.kind"),
    )
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / PAGE, encoded(page))
    return out / PAGE


def health_view(bodies: Sequence[HealthBody], words: Words) -> HealthView:
    """Of the last of at least one window, and of all of them."""
    body = bodies[-1]
    state = state_of(body)
    return HealthView(
        title=body.model,
        bundle=body.bundle,
        window=window_words(body, words),
        counts=words("monitor.counts", exchanges=count(body.num_exchanges), feedback=count(body.num_feedback)),
        against=words("monitor.against", accepted=count(body.num_accepted)),
        tone=_TONES[state],
        state=state_words(body, words),
        meaning=words(f"monitor.meaning.{state}"),
        rate=rate_words(body, words),
        shifts=tuple(shift_view(shift, body, words) for shift in body.shifts),
        figures=tuple(figure_view(each, words) for each in body.figures),
        clusters=tuple(
            ClusterView(
                words(
                    "monitor.unfamiliar.cluster",
                    num=count(len(each.exchanges)),
                    distance=figure(each.distance),
                ),
                tuple(shorten(text, words) for text in each.examples),
            )
            for each in body.unfamiliar
        ),
        windows=tuple(window_view(each, words) for each in reversed(bodies)),
        charts=_charts(bodies, words),
    )


def state_of(body: HealthBody) -> str:
    """`alarm`, `quiet`, `few` or `empty`."""
    if not body.num_exchanges:
        return "empty"
    if not body.is_judged:
        return "few"
    return "alarm" if body.alarms else "quiet"


def state_words(body: HealthBody, words: Words) -> str:
    return words(f"monitor.state.{state_of(body)}", count=count(len(body.alarms)))


def window_words(body: HealthBody, words: Words) -> str:
    return words("monitor.window", since=f"{body.since:%Y-%m-%d %H:%M}", until=f"{body.until:%Y-%m-%d %H:%M}")


def rate_words(body: HealthBody, words: Words) -> str:
    """How often all tests together alarm without any drift."""
    year = body.false_alarms_per_year
    return words(
        "monitor.rate", year=significant(year, 3), month=significant(year / MONTHS, 2), level=percent(body.level)
    )


def window_view(body: HealthBody, words: Words) -> WindowView:
    alarms = "; ".join(feature_name(shift.feature, words) for shift in body.alarms)
    return WindowView(f"{body.since:%Y-%m-%d %H:%M}", count(body.num_exchanges), state_words(body, words), alarms)


def shift_view(shift: Shift, body: HealthBody, words: Words) -> ShiftView:
    told = next((each for each in body.figures if each.name in _figures_of(shift.feature)), None)
    name, effect, p_value = feature_name(shift.feature, words), figure(shift.effect), significant(shift.p_value, 2)
    usual, now = (
        (UNTOLD, UNTOLD) if told is None else (_value(told.name, each) for each in (told.reference, told.value))
    )
    change = _changed(shift, words) if shift.classes else "" if told is None else f"{usual} → {now}"
    return ShiftView(
        name=name,
        family=words(f"monitor.family.{shift.family}"),
        usual=usual,
        now=now,
        alarm=words("monitor.alarm.change", name=name, change=change) if change else name,
        figures=words("monitor.alarm.figures", effect=effect, p=p_value),
        effect=effect,
        p_value=p_value,
        test=words(f"monitor.test.{shift.test}"),
        sizes=f"{count(shift.num_reference)}, {count(shift.num_window)}",
        psi=UNTOLD if shift.psi is None else f"{figure(shift.psi)} ({figure(shift.psi_limit or 0.0)})",
        is_alarm=shift.is_alarm,
    )


def figure_view(told: Figure, words: Words) -> FigureView:
    return FigureView(
        figure_name(told.name, words),
        told.name,
        words(f"monitor.family.{told.family}"),
        _value(told.name, told.reference),
        _value(told.name, told.value),
    )


def feature_name(feature: str, words: Words) -> str:
    return words(f"monitor.feature.{feature}")


def figure_name(name: str, words: Words) -> str:
    """A figure of its own, or the mean or share of a feature."""
    if f"monitor.figure.{name}" in CATALOGUE:
        return words(f"monitor.figure.{name}")
    feature, _, kind = name.rpartition("_")
    return words(f"monitor.figure.{kind}", feature=feature_name(feature, words))


def _changed(shift: Shift, words: Words) -> str:
    """The classes whose share changed the most."""
    return "; ".join(
        words(
            "monitor.change",
            name=_class_name(shift.feature, name, words),
            usual=percent(usual),
            now=percent(now),
        )
        for name, (usual, now) in shift.classes.items()
    )


def _class_name(feature: str, name: str, words: Words) -> str:
    if feature == "language":
        return words.language_name(name)
    return words("monitor.none") if name == NO_LABEL else name


def _figures_of(feature: str) -> tuple[str, str]:
    return f"{feature}_mean", f"{feature}_share"


def _value(name: str, value: float | None) -> str:
    if value is None:
        return UNTOLD
    return percent(value) if name.endswith("_share") else significant(value, 4)


def _charts(bodies: Sequence[HealthBody], words: Words) -> tuple[ChartView, ...]:
    """What changed over at least two windows that were judged."""
    judged = [body for body in bodies if body.is_judged]
    if len(judged) < 2:
        return ()
    largest = sorted(judged[-1].shifts, key=lambda shift: (not shift.is_alarm, -shift.effect))[:MAX_CHARTED]
    effects = [
        _series(feature_name(shift.feature, words), [_effect(body, shift.feature) for body in judged])
        for shift in largest
    ]
    latency = [_series(figure_name(LATENCY, words), [body.figure(LATENCY) for body in judged])]
    told = (("effects", effects), ("latency", latency))
    return tuple(_chart(name, lines, len(judged), words) for name, lines in told if lines and lines[0].steps)


def _effect(body: HealthBody, feature: str) -> float | None:
    return next((shift.effect for shift in body.shifts if shift.feature == feature), None)


def _series(name: str, values: Sequence[float | None]) -> Series:
    known = [(place, value) for place, value in enumerate(values, start=1) if value is not None]
    return Series(name, tuple(place for place, _ in known), tuple(value for _, value in known))


def _chart(name: str, lines: Sequence[Series], num_windows: int, words: Words) -> ChartView:
    title, names = words(f"monitor.chart.{name}"), tuple(line.name for line in lines)
    description = words("monitor.chart.description", series=words.listed(names), windows=count(num_windows))
    shown = [line for line in lines if line.steps]
    return ChartView(title, line_chart(f"health-{name}", title, description, shown, smooth=False), names)
