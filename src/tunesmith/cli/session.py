"""What every verb starts from: its options, the recipe on this machine, and where its result goes."""

from __future__ import annotations

import math
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from tunesmith.cli.environment import Language, language_of_environment
from tunesmith.i18n import translate

if TYPE_CHECKING:
    from tunesmith.cli.terminal import TerminalProgress
    from tunesmith.lifecycle import Job
    from tunesmith.runtime import Runtime

LANGUAGE: Final[Language] = language_of_environment(os.environ)


def text(key: str, **parameters: object) -> str:
    return translate(key, LANGUAGE, **parameters)


@dataclass
class Options:
    """What stands before the verb, and `--json`, which may stand behind it."""

    workspace: Path = Path()
    json: bool = False
    debug: bool = False
    progress: TerminalProgress | None = None
    """What draws on the terminal, once something does."""
    command: str = "tunesmith"
    """With its verb, once that is known."""


OPTIONS: Final = Options()


def _set_json(value: bool) -> bool:
    OPTIONS.json |= value
    return value


RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help=text("cli.argument.recipe"))]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help=text("cli.argument.overrides"))]


class Launcher(StrEnum):
    """What starts several processes."""

    TORCHRUN = "torchrun"


LauncherOption = Annotated[Launcher | None, typer.Option("--launcher", help=text("cli.option.launcher"))]
ProcessesOption = Annotated[int | None, typer.Option("--processes", min=1, help=text("cli.option.processes"))]
JsonOption = Annotated[bool, typer.Option("--json", callback=_set_json, help=text("cli.option.json"))]


def job(recipe: Path, overrides: list[str] | None, *, devices: bool = True) -> Job:
    """The recipe on this machine. A mistyped recipe is told before anything heavy is imported."""
    from tunesmith.recipe import load_recipe

    light = runtime(devices=False)
    if light.rank:  # the first of several processes does alone what is no training
        raise typer.Exit
    resolved = load_recipe(recipe_file(recipe), overrides or [])
    from tunesmith.lifecycle import Job

    return Job(resolved, runtime(devices=devices), progress())


def training_job(recipe: Path, overrides: list[str] | None) -> Job:
    """The same for a verb that trains, in which every process that torchrun started takes part; the first returns."""
    if runtime(devices=False).rank:
        from tunesmith import lifecycle
        from tunesmith.recipe import load_recipe

        # a wait inside torch does not hear Python's own handler
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        lifecycle.follow(runtime(devices=True), lambda: load_recipe(recipe_file(recipe), overrides or []))
    return job(recipe, overrides)


def launch(recipe: Path, overrides: list[str] | None, num_processes: int | None) -> NoReturn:
    """Become torchrun, which starts this verb so many times; once for each GPU where no number is given."""
    if num_processes is None:
        import torch

        num_processes = max(1, torch.cuda.device_count())
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(num_processes)]
    first = ["-m", "tunesmith", "--workspace", str(OPTIONS.workspace), *["--debug"] * OPTIONS.debug]
    verb = [OPTIONS.command.removeprefix("tunesmith "), *["--json"] * OPTIONS.json, str(recipe), *(overrides or [])]
    os.execv(sys.executable, [sys.executable, *torchrun, *first, *verb])


def recipe_file(path: Path) -> Path:
    """A recipe's file, or the resolved recipe of a run's folder."""
    return path / "recipe.resolved.yaml" if path.is_dir() else path


def runtime(*, devices: bool) -> Runtime:
    from tunesmith.cli.environment import make_runtime, with_devices

    light = make_runtime(OPTIONS.workspace, LANGUAGE)
    return with_devices(light) if devices else light


def progress() -> TerminalProgress:
    from tunesmith.cli.terminal import make_progress

    OPTIONS.progress = make_progress(LANGUAGE)
    return OPTIONS.progress


def coloured() -> bool:
    """Escape codes belong on a terminal that knows them, not into `--json`."""
    is_able = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return is_able and not OPTIONS.json and not os.environ.get("NO_COLOR")


def visible(content: str) -> str:
    """With what nobody sees, or a terminal would act on, as its code point: U+200B. A wide space of Chinese is seen."""
    return "".join(one if one.isprintable() or one in "\n\u3000" else f"<U+{ord(one):04X}>" for one in content)


def show(result: Any, lines: list[str]) -> None:
    """The result on stdout: one JSON value with `--json`, else lines."""
    if OPTIONS.json:
        import json

        typer.echo(json.dumps(finite(result), ensure_ascii=not sys.stdout.encoding.lower().startswith("utf")))
    else:
        typer.echo("\n".join(lines))


def finite(value: Any) -> Any:
    """With null for numbers that JSON does not have: NaN and the infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, (list, tuple)) else value
