"""The border of the command line: every failure leaves with a code, a place, a hint and the documented exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

import typer

from tunesmith.cli.app import app
from tunesmith.cli.session import LANGUAGE, OPTIONS, show
from tunesmith.errors import ExitCode, Interrupted, Place, RunFailed, TunesmithError

REFUSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENAMETOOLONG)
"""What the system says of a place that a user named, and can name otherwise."""


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a GBK terminal lacks characters that a row may hold
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_guarded())


def _guarded() -> int:
    try:
        code = int(app(standalone_mode=False) or ExitCode.DONE)
    except Exception as failure:
        return _tell(Interrupted("stopped") if _is_interrupted(failure) else _coded(failure))
    # typer's answer to Ctrl-C
    return _tell(Interrupted("stopped")) if code == ExitCode.INTERRUPTED else code


def _is_interrupted(failure: Exception) -> bool:
    """Whether it is a Ctrl-C that came while a library was in C code."""
    return isinstance(failure, SystemError) and isinstance(failure.__cause__, KeyboardInterrupt)


def _coded(failure: Exception) -> TunesmithError:
    """A failure with a code, a place and a hint; `internal` for a defect of ours."""
    if isinstance(failure, TunesmithError):
        return failure
    if isinstance(failure, typer.TyperException):
        return _usage(failure)
    # safetensors tells the system's error by its text alone
    if any(os.strerror(number) in str(failure) for number in (errno.ENOSPC, errno.EDQUOT)):
        coded: TunesmithError = RunFailed("disk-full")
    elif isinstance(failure, OSError) and failure.errno in REFUSED:
        coded = RunFailed("no-permission", problem=failure.strerror)
    elif isinstance(failure, (NotADirectoryError, FileExistsError)):
        coded = TunesmithError("not-a-folder")
    else:
        coded = _internal(failure)
    if isinstance(failure, OSError):
        coded.place = _existing(Path(failure.filename or OPTIONS.workspace))
    coded.__cause__ = failure
    return coded


def _existing(path: Path) -> Place:
    """The path, or what stands where it should have been made."""
    # `Path.exists` raises where a folder may not be looked into, or a name is too long
    return Place(str(next((found for found in (path, *path.parents) if os.path.exists(found)), path)))


def _internal(failure: Exception) -> TunesmithError:
    """The traceback goes to a file."""
    with tempfile.NamedTemporaryFile("w", prefix="tunesmith-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.writelines(traceback.format_exception(failure))
    return RunFailed("internal", problem=f"{type(failure).__name__}: {failure}", path=file.name)


def _tell(failure: TunesmithError) -> int:
    from tunesmith.cli.terminal import error_lines, error_object

    if OPTIONS.progress is not None:  # a bar still drawn would garble the lines, and leave the cursor hidden
        OPTIONS.progress.close()
    if OPTIONS.json:
        show(error_object(failure, LANGUAGE), [])
    typer.echo("\n".join(error_lines(failure, LANGUAGE)), err=True)
    if OPTIONS.debug:
        traceback.print_exception(failure)
    return failure.exit_code


def _usage(failure: typer.TyperException) -> TunesmithError:
    """A wrong verb or option, in the catalogue's words; in the parser's own where it is not foreseen."""
    from tunesmith.cli.terminal import usage_problem

    OPTIONS.json |= "--json" in sys.argv[1:]
    return TunesmithError("usage", problem=usage_problem(failure.format_message()), command=OPTIONS.command)
