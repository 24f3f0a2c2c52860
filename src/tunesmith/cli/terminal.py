"""How progress and errors look: bars on a terminal, plain lines off it; everything on stderr."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from tunesmith.cli.session import visible
from tunesmith.errors import ManyErrors, Phrase, TunesmithError
from tunesmith.i18n import translate
from tunesmith.runtime import Level

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES: Final = 10.0
_BAD: Final = r"Invalid value for '(?P<word>[^']*)'.*?: "
# what the parser of the command line says, by catalogue key `usage.problem.*`; the first that fits is told
_USAGE: Final = {
    "verb-near": re.compile(r"No such command '(?P<word>.*?)'\. Did you mean (?P<names>.*)\?"),
    "verb": re.compile(r"No such command '(?P<word>.*?)'"),
    "option-near": re.compile(r"No such option: (?P<word>\S+) \(Possible options: (?P<names>.*)\)"),
    "option": re.compile(r"No such option: (?P<word>\S+)"),
    "surplus": re.compile(r"Got unexpected extra argument.*? \((?P<word>.*)\)"),
    "missing": re.compile(r"Missing \w+ '(?P<word>[^']*)'"),
    "no-verb": re.compile(r"Missing command"),
    "value": re.compile(r"Option '?(?P<word>-[\w-]+)'? requires an argument"),
    "no-value": re.compile(r"Option '?(?P<word>-[\w-]+)'? does not take a value"),
    "whole": re.compile(_BAD + r"Input should be a valid integer"),
    "number": re.compile(_BAD + r"Input should be a valid number"),
    "least": re.compile(_BAD + r"Input should be greater than or equal to (?P<least>\S+)"),
    "most": re.compile(_BAD + r"Input should be less than or equal to (?P<most>\S+)"),
    "choice": re.compile(_BAD + r"Value error, '.*' (?:is not one of|does not match the formats) (?P<names>.*)\."),
    "bad": re.compile(_BAD + "(?P<said>.*)"),
}


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

    def close(self) -> None:
        """Lines leave nothing on the terminal to be cleared."""

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        print(said(key, level, self._language, parameters), file=self._stream, flush=True)

    def _write(self) -> None:
        self._last = time.monotonic()
        of = f"/{self._total}" if self._total is not None else ""
        parts = (
            self._task,
            f"{self._done}{of}",
            f"{self._last - self._started:.0f} s",
            figures_text(self._figures, self._language),
        )
        print("  ".join(parts).rstrip(), file=self._stream, flush=True)


class RichProgress:
    """One live bar for the present task, with its figures and the time left."""

    def __init__(self, language: str, stream: TextIO) -> None:
        from rich.console import Console

        self._language = language
        self._console = Console(file=stream)
        self._bars: Bars | None = None
        self._task: TaskID | None = None

    def begin(self, task: str, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.close()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self._bars = Bars(*columns, console=self._console)
        self._task = self._bars.add_task(translate(task, self._language), total=total, figures="")
        self._bars.start()

    def advance(self, steps: int = 1, **figures: float) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, advance=steps)
            if figures:
                self._bars.update(self._task, figures=figures_text(figures, self._language))

    def end(self) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bar as it stands and give the cursor back."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        style = {"info": None, "warning": "yellow", "error": "red"}[level]
        self._console.print(said(key, level, self._language, parameters), style=style, markup=False, highlight=False)


TerminalProgress = PlainProgress | RichProgress


def make_progress(language: str) -> TerminalProgress:
    """Bars where stderr is a terminal that can draw them, lines elsewhere."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return RichProgress(language, sys.stderr)
    return PlainProgress(language, sys.stderr)


def said(key: str, level: Level, language: str, parameters: Mapping[str, object]) -> str:
    """A catalogue entry, after its level where that matters."""
    return visible(translate(f"cli.say.{level}", language, said=translate(key, language, **parameters)))


def figures_text(figures: Mapping[str, float], language: str) -> str:
    return "  ".join(f"{translate(f'figure.{name}', language)} {value:.4g}" for name, value in figures.items())


def error_lines(failure: TunesmithError, language: str) -> list[str]:
    """`error[code]: what`, the place, `hint: what to do`; one block for each of several errors."""
    failures: Sequence[TunesmithError] = failure.errors if isinstance(failure, ManyErrors) else [failure]
    lines = []
    for each in failures:
        lines.append(translate("cli.error", language, code=each.code, message=each.message(language)))
        if each.place is not None:
            lines.append(f"  --> {each.place}")
        lines.append(translate("cli.hint", language, hint=each.hint(language)))
    return [visible(line) for line in lines]  # names of files and columns are a stranger's


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


def usage_problem(said: str) -> Phrase:
    """What the parser of the command line found wrong, in the catalogue's words; in its own where not foreseen."""
    from tunesmith.recipe.file import keys_named

    for name, pattern in _USAGE.items():
        found = pattern.match(said)
        if found:
            told = found.groupdict()
            if "names" in told:
                names = (name.strip(" '") for name in told["names"].split(","))
                told["names"] = ", ".join(f"`{name}`" for name in names)
            keys = keys_named(told["word"].strip("-").replace("-", "_")) if name.startswith("option") else []
            if keys:
                told["names"] = ", ".join(f"`{key}=...`" for key in keys[:3])
                return Phrase("usage.problem.option-key", told)
            return Phrase(f"usage.problem.{name}", told)
    return Phrase("usage.problem.other", {"said": said})
