"""Coded errors: what went wrong, where, and what to do about it.

An error carries a stable code and parameters; the catalogue (`tunesmith.i18n`) turns them into a sentence and a hint
in the reader's language. Codes are equal in every language and never change meaning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from tunesmith.i18n import translate


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's input: a file, and where known the line and column (both counted from 1) or the field."""

    file: str
    line: int | None = None
    column: int | None = None
    field: str | None = None
    byte: int | None = dataclasses.field(default=None, compare=False)
    """Where the row begins in the file (in its unpacked text, if it is compressed), counted from 0."""

    def __reduce__(self) -> tuple[type[Place], tuple[str, int | None, int | None, str | None, int | None]]:
        # places go to other processes with every row, and this is quicker than a state
        return Place, (self.file, self.line, self.column, self.field, self.byte)

    def __str__(self) -> str:
        position = "".join(f":{number}" for number in (self.line, self.column) if number is not None)
        return f"{self.file}{position}" + (f" ({self.field})" if self.field else "")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A parameter of an error that is itself an entry of the catalogue, said in the reader's language."""

    key: str
    parameters: Mapping[str, object] = field(default_factory=dict)


class TunesmithError(Exception):
    """A failure that the user can act on.

    `code` names an entry `error.<code>` and, for the hint, `hint.<code>` of the catalogue; `parameters` fill them.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, code: str, *, place: Place | None = None, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.parameters = parameters

    def message(self, language: str = "en") -> str:
        return self._say(f"error.{self.code}", language)

    def hint(self, language: str = "en") -> str:
        return self._say(f"hint.{self.code}", language)

    def _say(self, key: str, language: str) -> str:
        spoken = {
            name: translate(value.key, language, **value.parameters) if isinstance(value, Phrase) else value
            for name, value in self.parameters.items()
        }
        return translate(key, language, **spoken)

    def __str__(self) -> str:
        return f"[{self.code}] {self.message()}" + (f" at {self.place}" if self.place else "")


class RunFailed(TunesmithError):
    """The recipe was sound, yet the run could not be finished (disk full, non-finite loss, a gate that said no)."""

    exit_code = ExitCode.FAILED


class Interrupted(RunFailed):
    """A signal stopped the run; what it had done is saved and the same command goes on."""

    exit_code = ExitCode.INTERRUPTED


class ManyErrors(TunesmithError):
    """Several errors of one input, reported together rather than one per attempt."""

    def __init__(self, errors: list[TunesmithError]) -> None:
        super().__init__("many", count=len(errors))
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)
