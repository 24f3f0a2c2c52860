"""How progress and errors look: bars on a terminal, plain lines off it; everything on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, Final, TextIO

from tunesmith.errors import ManyErrors, TunesmithError
from tunesmith.i18n import translate
from tunesmith.runtime import Level, Progress

SECONDS_BETWEEN_LINES: Final = 10.0


class PlainProgress:
    """One line at the start and end of a task, and at most one every ten seconds between."""

    def __init__(self, language: str, stream: TextIO) -> None:
        self._language = language
        self._stream = stream
        self._task = ""
        self._total: int | None = None
        self._done = 0
        self._figures: dict[str, float] = {}
        self._started = self._last = 0.0

    def begin(self, task: str, total: int | None) -> None:
        self._task, self._total, self._done = translate(task, self._language), total, 0
        self._figures = {}
        self._started = self._last = time.monotonic()

    def advance(self, steps: int = 1, **figures: float) -> None:
        self._done += steps
        self._figures |= figures
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._write()

    def end(self) -> None:
        self._write()

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        prefix = "" if level == "info" else f"{translate(f'cli.level.{level}', self._language)}: "
        print(prefix + translate(key, self._language, **parameters), file=self._stream, flush=True)

    def _write(self) -> None:
        self._last = time.monotonic()
        of = f"/{self._total}" if self._total is not None else ""
        figures = "".join(f"  {name.replace('_', ' ')} {value:.4g}" for name, value in self._figures.items())
        seconds = self._last - self._started
        print(f"{self._task}  {self._done}{of}  {seconds:.0f} s{figures}", file=self._stream, flush=True)


class RichProgress:
    """One live bar for the present task, with its figures and the time left."""

    def __init__(self, language: str, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._language = language
        self._console = Console(file=stream)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        self._task: Any = None

    def begin(self, task: str, total: int | None) -> None:
        self._bars.start()
        self._task = self._bars.add_task(translate(task, self._language), total=total, figures="")

    def advance(self, steps: int = 1, **figures: float) -> None:
        self._bars.update(self._task, advance=steps)
        if figures:
            text = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items())
            self._bars.update(self._task, figures=text)

    def end(self) -> None:
        self._bars.stop()

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        style = {"info": None, "warning": "yellow", "error": "red"}[level]
        prefix = "" if level == "info" else f"{translate(f'cli.level.{level}', self._language)}: "
        self._console.print(
            prefix + translate(key, self._language, **parameters), style=style, markup=False, highlight=False
        )


def make_progress(language: str) -> Progress:
    """Bars where stderr is a terminal that can draw them, lines elsewhere."""
    if sys.stderr.isatty():
        return RichProgress(language, sys.stderr)
    return PlainProgress(language, sys.stderr)


def error_lines(failure: TunesmithError, language: str) -> list[str]:
    """`error[code]: what`, the place, `hint: what to do`; one block for each of several errors."""
    failures: Sequence[TunesmithError] = failure.errors if isinstance(failure, ManyErrors) else [failure]
    lines = []
    for each in failures:
        lines.append(f"{translate('cli.level.error', language)}[{each.code}]: {each.message(language)}")
        if each.place is not None:
            lines.append(f"  --> {each.place}")
        lines.append(f"{translate('cli.level.hint', language)}: {each.hint(language)}")
    return lines


def error_object(failure: TunesmithError, language: str) -> dict[str, Any]:
    """The same for `--json`: the envelope that OpenAI's API uses, with place and hint."""
    failures: Sequence[TunesmithError] = failure.errors if isinstance(failure, ManyErrors) else [failure]
    return {
        "errors": [
            {
                "code": each.code,
                "message": each.message(language),
                "place": None if each.place is None else str(each.place),
                "hint": each.hint(language),
            }
            for each in failures
        ]
    }
