"""An explanation as lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tunesmith.cli.rate import plain
from tunesmith.i18n import translate

if TYPE_CHECKING:
    from tunesmith.evaluate.explain import Deletion, Reasons, Unit
    from tunesmith.lifecycle.explain import Explanation

MARKED: Final = "\x1b[1;33m"
PLAIN: Final = "\x1b[0m"
MAX_UNITS: Final = 8
LEAST: Final = 0.05
MAX_CHARACTERS: Final = 160


def explanation_lines(found: Explanation, language: str, *, colour: bool) -> list[str]:
    """The text with its deciding words marked, yellow or between ⟦ ⟧, then what each costs, the check, the rows."""
    top = [] if found.reasons is None else deciding(found.reasons)
    lines = [f"▸ {marked(plain(found.text), top, colour=colour)}"]
    lines.append("  " + translate("cli.explain.answer", language, answer=plain(found.answer)))
    if found.item:
        lines.append("  " + translate("cli.explain.reference", language, reference=plain(found.reference)))
    if found.reasons is not None:
        lines += ["", *_reason_lines(found.reasons, top, language)]
    if found.neighbours:
        lines += ["", translate("cli.explain.rows", language)]
    for row in found.neighbours:
        place = row.file if row.line is None else f"{row.file}:{row.line}"
        lines.append(f"  {row.likeness:.2f}  {plain(place)}  {_short(row.question)} → {_short(row.answer)}")
    return lines


def deciding(reasons: Reasons) -> list[Unit]:
    """The units whose absence costs most, the first of them first; none that cost next to nothing beside that one."""
    ranked = sorted(reasons.units, key=lambda unit: (-unit.drop, unit.start))
    return [unit for unit in ranked[:MAX_UNITS] if unit.drop > max(0.0, LEAST * ranked[0].drop)]


def marked(text: str, units: Iterable[Unit], *, colour: bool) -> str:
    opened, closed = (MARKED, PLAIN) if colour else ("⟦", "⟧")
    for unit in sorted(units, key=lambda unit: -unit.start):
        text = f"{text[: unit.start]}{opened}{text[unit.start : unit.stop]}{closed}{text[unit.stop :]}"
    return text


def _reason_lines(reasons: Reasons, top: list[Unit], language: str) -> list[str]:
    share = math.exp(reasons.log_probability)
    lines = [translate("cli.explain.words", language, probability=f"{share:.3f}")]
    lines += [f"  {math.exp(reasons.log_probability - unit.drop):.3f}  {plain(unit.text)}" for unit in top]
    if not top:
        lines.append("  " + translate("cli.explain.no_words", language))
    return lines if reasons.deletion is None else [*lines, _check_line(reasons.deletion, language)]


def _check_line(deletion: Deletion, language: str) -> str:
    return translate(
        "cli.explain.check",
        language,
        num=deletion.num_removed,
        drop=f"{deletion.drop:.3f}",
        random=f"{deletion.random_drop:.3f}",
        most=f"{deletion.random_most:.3f}",
        p_value=f"{deletion.p_value:.3f}",
    )


def _short(text: str) -> str:
    flat = plain(" ".join(text.split()))
    return flat if len(flat) <= MAX_CHARACTERS else f"{flat[: MAX_CHARACTERS - 1]}…"
