"""The verbs."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tunesmith import __version__
from tunesmith.cli.environment import Language, language_of_environment
from tunesmith.errors import ExitCode, Place, RunFailed, TunesmithError
from tunesmith.i18n import translate

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job
    from tunesmith.runtime import Progress, Runtime

LANGUAGE: Final[Language] = language_of_environment(os.environ)


def text(key: str, **parameters: object) -> str:
    return translate(key, LANGUAGE, **parameters)


@dataclass
class Options:
    """What stands before the verb, and `--json`, which may stand behind it."""

    workspace: Path = Path()
    json: bool = False
    debug: bool = False


OPTIONS: Final = Options()
app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help=text("cli.help"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipes_app = typer.Typer(no_args_is_help=True, help=text("cli.help.recipes"), rich_markup_mode=None)
config_app = typer.Typer(no_args_is_help=True, help=text("cli.help.config"), rich_markup_mode=None)
app.add_typer(recipes_app, name="recipes")
app.add_typer(config_app, name="config")


def _set_json(value: bool) -> bool:
    OPTIONS.json |= value
    return value


RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help=text("cli.argument.recipe"))]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help=text("cli.argument.overrides"))]
JsonOption = Annotated[bool, typer.Option("--json", callback=_set_json, help=text("cli.option.json"))]


@app.callback()
def options(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help=text("cli.option.workspace"))] = Path(),
    debug: Annotated[bool, typer.Option("--debug", help=text("cli.option.debug"))] = False,
    as_json: JsonOption = False,
    version: Annotated[bool, typer.Option("--version", help=text("cli.option.version"))] = False,
) -> None:
    OPTIONS.workspace, OPTIONS.debug = workspace, debug
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command(help=text("cli.help.init"))
def init(
    folder: Annotated[Path, typer.Argument(help=text("cli.argument.folder"))] = Path("tunesmith-project"),
    recipe: Annotated[str, typer.Option("--recipe", help=text("cli.option.recipe"))] = "quickstart",
    force: Annotated[bool, typer.Option("--force", help=text("cli.option.force"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.shipped import start_project

    made = start_project(folder, recipe, force=force)
    show(
        {"folder": str(folder), "files": made},
        [*made, text("cli.next", command=f"cd {folder} && tunesmith run recipe.yaml")],
    )


@app.command(help=text("cli.help.check"))
def check(
    recipe: Annotated[Path | None, typer.Argument(metavar="[RECIPE]", help=text("cli.argument.recipe"))] = None,
    overrides: Overrides = None,
    model: Annotated[str | None, typer.Option("--model", help=text("cli.option.model"))] = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.show import parity_lines

    if model is not None:
        from tunesmith.lifecycle.parity import check_model

        results = check_model(model, runtime(devices=True), progress())
        show([result.as_json() for result in results], parity_lines(results, LANGUAGE))
        if not all(result.passed for result in results):
            raise typer.Exit(ExitCode.FAILED)
    if recipe is not None:
        from tunesmith import lifecycle
        from tunesmith.cli.show import dataset_lines

        dataset = lifecycle.prepare(job(recipe, overrides, devices=False))
        show(dataset.report().model_dump(mode="json"), dataset_lines(dataset, LANGUAGE))
    elif model is None:
        raise TunesmithError("check-nothing")


@app.command(help=text("cli.help.prepare"))
def prepare(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    rows: Annotated[int, typer.Option("--show", help=text("cli.option.show"))] = 0,
    as_json: JsonOption = False,
) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import dataset_lines, row_lines

    this = job(recipe, overrides, devices=False)
    dataset = lifecycle.prepare(this)
    lines = dataset_lines(dataset, LANGUAGE)
    for example in dataset.rows("train")[:rows]:
        lines += row_lines(this.chat, example, colour=coloured())
    show({"folder": str(dataset.folder), **dataset.report().model_dump(mode="json")}, lines)


@app.command(help=text("cli.help.plan"))
def plan(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import plan_lines

    this = job(recipe, overrides)
    plans = lifecycle.plan(this, lifecycle.prepare(this))
    lines = [line for name, made in plans.items() for line in plan_lines(name, made, LANGUAGE)]
    show({name: made.body.model_dump(mode="json") for name, made in plans.items()}, lines)


@app.command(help=text("cli.help.train"))
def train(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    from tunesmith import lifecycle

    this = job(recipe, overrides)
    with lifecycle.running(this) as record:
        dataset = lifecycle.prepare(this)
        models = lifecycle.train(this, dataset, lifecycle.plan(this, dataset), record)
    folders = {name: str(model.payload) for name, model in models.items()}
    show(folders, [f"{name}  {folder}" for name, folder in folders.items()])


@app.command(help=text("cli.help.evaluate"))
def evaluate(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import scorecard_lines

    this = job(recipe, overrides)
    with lifecycle.running(this) as record:
        dataset = lifecycle.prepare(this)
        plans = lifecycle.plan(this, dataset)
        models = lifecycle.train(this, dataset, plans, record)
        scorecard = lifecycle.evaluate(this, dataset, plans, models, record)
    show(scorecard.body.model_dump(mode="json"), scorecard_lines(scorecard.body, LANGUAGE))


@app.command(help=text("cli.help.run"))
def run(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("cli.option.dry-run"))] = False,
    as_json: JsonOption = False,
) -> None:
    _run(recipe, overrides, dry_run=dry_run)


@app.command(help=text("cli.help.report"))
def report(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    _run(recipe, overrides, dry_run=False)


def _run(recipe: Path, overrides: list[str] | None, *, dry_run: bool) -> None:
    """`report` is `run` too: what is there already is found, not made again."""
    from tunesmith.recipe import dump_recipe, load_recipe

    if dry_run:
        resolved = load_recipe(recipe_file(recipe), overrides or [])
        show(
            {"recipe": resolved.model_dump(mode="json"), "hash": resolved.fingerprint()},
            [dump_recipe(resolved) + f"# {text('cli.recipe-hash')} {resolved.fingerprint()}"],
        )
        return
    from tunesmith import lifecycle
    from tunesmith.cli.show import scorecard_lines

    outcome = lifecycle.run(job(recipe, overrides))
    lines = [
        *scorecard_lines(outcome.scorecard.body, LANGUAGE),
        "",
        text("cli.report-at", path=outcome.report.html),
    ]
    show(
        {
            "run": str(outcome.run_folder),
            "report": str(outcome.report.html),
            "card": str(outcome.report.card),
            "models": {name: str(model.folder) for name, model in outcome.models.items()},
            "scorecard": outcome.scorecard.body.model_dump(mode="json"),
        },
        lines,
    )


@app.command(help=text("cli.help.compare"))
def compare(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    num: Annotated[int, typer.Option("--num", "-n", help=text("cli.option.num"))] = 5,
    as_json: JsonOption = False,
) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import before_after, before_after_lines

    this = job(recipe, overrides)
    with lifecycle.running(this) as record:
        dataset = lifecycle.prepare(this)
        plans = lifecycle.plan(this, dataset)
        models = lifecycle.train(this, dataset, plans, record)
        pairs = before_after(lifecycle.evaluate(this, dataset, plans, models, record), num)
    show(pairs, before_after_lines(pairs, LANGUAGE))


@app.command(help=text("cli.help.runs"))
def runs(as_json: JsonOption = False) -> None:
    from tunesmith.cli.show import run_rows

    rows = run_rows(OPTIONS.workspace / "runs")
    show(rows, [f"{row['state']:<16} {row['run']}" for row in rows] or [text("cli.no-runs")])


@recipes_app.command("list", help=text("cli.help.recipes.list"))
def recipes_list(as_json: JsonOption = False) -> None:
    from tunesmith.cli.shipped import shipped_recipes

    found = shipped_recipes()
    show([{"name": name, "about": about} for name, about in found.items()], [f"{n:<28} {a}" for n, a in found.items()])


@recipes_app.command("show", help=text("cli.help.recipes.show"))
def recipes_show(name: str, as_json: JsonOption = False) -> None:
    from tunesmith.cli.shipped import recipe_text

    content = recipe_text(name)
    show({"name": name, "yaml": content}, [content.rstrip()])


@recipes_app.command("copy", help=text("cli.help.recipes.copy"))
def recipes_copy(name: str, target: Path = Path("recipe.yaml"), as_json: JsonOption = False) -> None:
    from tunesmith.cli.shipped import copy_recipe

    copy_recipe(name, target)
    show({"file": str(target)}, [str(target)])


@config_app.command("schema", help=text("cli.help.config.schema"))
def config_schema() -> None:
    import json

    from tunesmith.recipe import Recipe

    typer.echo(json.dumps(Recipe.model_json_schema(), ensure_ascii=False, indent=1))


@config_app.command("check", help=text("cli.help.config.check"))
def config_check(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    from tunesmith.recipe import load_recipe

    resolved = load_recipe(recipe_file(recipe), overrides or [])
    show({"hash": resolved.fingerprint()}, [text("cli.recipe-sound", hash=resolved.fingerprint())])


@app.command(help=text("cli.help.doctor"))
def doctor(as_json: JsonOption = False) -> None:
    from tunesmith.cli.doctor import examine, finding_lines

    findings = examine(runtime(devices=True))
    show([finding.as_json() for finding in findings], finding_lines(findings, LANGUAGE))


def job(recipe: Path, overrides: list[str] | None, *, devices: bool = True) -> Job:
    """The recipe on this machine. A mistyped recipe is told before anything heavy is imported."""
    from tunesmith.recipe import load_recipe

    resolved = load_recipe(recipe_file(recipe), overrides or [])
    from tunesmith.lifecycle import Job

    return Job(resolved, runtime(devices=devices), progress())


def recipe_file(path: Path) -> Path:
    """A recipe's file, or the resolved recipe of a run's folder."""
    return path / "recipe.resolved.yaml" if path.is_dir() else path


def runtime(*, devices: bool) -> Runtime:
    from tunesmith.cli.environment import make_runtime, with_devices

    light = make_runtime(OPTIONS.workspace, LANGUAGE)
    return with_devices(light) if devices else light


def progress() -> Progress:
    from tunesmith.cli.terminal import make_progress

    return make_progress(LANGUAGE)


def coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def show(result: Any, lines: list[str]) -> None:
    """The result on stdout: one JSON value with `--json`, else lines."""
    if OPTIONS.json:
        import json

        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines))


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    sys.exit(_guarded())


def _guarded() -> int:
    try:
        return int(app(standalone_mode=False) or ExitCode.DONE)
    except TunesmithError as failure:
        return _tell(failure)
    except OSError as failure:
        if failure.errno == errno.ENOSPC:
            return _tell(RunFailed("disk-full", place=Place(str(failure.filename or OPTIONS.workspace))))
        return _crashed(failure)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo(text("cli.interrupted"), err=True)
        return ExitCode.INTERRUPTED
    except typer.TyperException as failure:
        return _usage(failure)
    except Exception as failure:
        return _crashed(failure)


def _tell(failure: TunesmithError) -> int:
    from tunesmith.cli.terminal import error_lines, error_object

    if OPTIONS.json:
        show(error_object(failure, LANGUAGE), [])
    typer.echo("\n".join(error_lines(failure, LANGUAGE)), err=True)
    if OPTIONS.debug:
        traceback.print_exception(failure)
    return failure.exit_code


def _usage(failure: typer.TyperException) -> int:
    """A wrong option or verb: the parser's own words, and where help is."""
    typer.echo(f"{text('cli.level.error')}[usage]: {failure}", err=True)
    typer.echo(f"{text('cli.level.hint')}: tunesmith --help", err=True)
    return ExitCode.USAGE


def _crashed(failure: Exception) -> int:
    """A defect of ours: the traceback goes to a file, unless it was asked for."""
    if OPTIONS.debug:
        traceback.print_exception(failure)
        return ExitCode.FAILED
    file = OPTIONS.workspace / "tunesmith-crash.txt"
    file.write_text("".join(traceback.format_exception(failure)), encoding="utf-8")
    typer.echo(f"{text('cli.level.error')}[internal]: {type(failure).__name__}: {failure}", err=True)
    typer.echo(f"{text('cli.level.hint')}: {text('cli.crash-at', path=file)}", err=True)
    return ExitCode.FAILED
