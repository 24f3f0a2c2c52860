"""The verbs."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tunesmith import __version__
from tunesmith.cli.annotate import annotate_app
from tunesmith.cli.certificate import certificate
from tunesmith.cli.chat import chat
from tunesmith.cli.export import export
from tunesmith.cli.feedback import feedback_app
from tunesmith.cli.forget import forget
from tunesmith.cli.improve import history, improve, promote, rollback
from tunesmith.cli.keys import keys_app
from tunesmith.cli.loadtest import loadtest
from tunesmith.cli.models import models_app
from tunesmith.cli.monitor import monitor
from tunesmith.cli.push import push
from tunesmith.cli.rate import lines_of_ratings, rate
from tunesmith.cli.search import autopilot, search
from tunesmith.cli.serve import serve
from tunesmith.cli.session import (
    LANGUAGE,
    OPTIONS,
    JsonOption,
    LauncherOption,
    Overrides,
    ProcessesOption,
    RecipeArgument,
    coloured,
    job,
    launch,
    progress,
    recipe_file,
    runtime,
    show,
    text,
    training_job,
)
from tunesmith.cli.store import store_app
from tunesmith.cli.trace import trace
from tunesmith.cli.watch import watch
from tunesmith.errors import ExitCode, Phrase, Place, TunesmithError

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job, Outcome

DIFF_ROWS: Final = 3
NO_ROOM: Final = ("too-little-memory", "too-little-memory-for-all")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=text("cli.argument.recipe-name"))]

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    help=text("cli.help"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipes_app = typer.Typer(help=text("cli.help.recipes"), rich_markup_mode=None)
config_app = typer.Typer(help=text("cli.help.config"), rich_markup_mode=None)
app.add_typer(recipes_app, name="recipes")
app.add_typer(annotate_app, name="annotate")
app.add_typer(config_app, name="config")
app.add_typer(feedback_app, name="feedback")
app.add_typer(keys_app, name="keys")
app.add_typer(models_app, name="models")
app.add_typer(store_app, name="store")


@app.callback()
def options(
    context: typer.Context,
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help=text("cli.option.workspace"))] = Path(),
    debug: Annotated[bool, typer.Option("--debug", help=text("cli.option.debug"))] = False,
    as_json: JsonOption = False,
    version: Annotated[bool, typer.Option("--version", help=text("cli.option.version"))] = False,
) -> None:
    OPTIONS.workspace, OPTIONS.debug = workspace, debug
    OPTIONS.command = f"tunesmith {context.invoked_subcommand or ''}".rstrip()
    if version:
        show({"version": __version__}, [__version__])
        raise typer.Exit
    if context.invoked_subcommand is None:
        if OPTIONS.json:
            raise TunesmithError("usage", problem=Phrase("usage.problem.no-verb"), command=OPTIONS.command)
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


@app.command(help=text("cli.help.init"))
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=text("cli.argument.folder"))] = Path(
        "tunesmith-project"
    ),
    recipe: Annotated[str, typer.Option("--recipe", help=text("cli.option.recipe"))] = "quickstart",
    force: Annotated[bool, typer.Option("--force", help=text("cli.option.force"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.shipped import start_project

    made = start_project(folder, recipe, force=force)
    show(
        {"folder": str(folder), "files": made},
        [*made, text("cli.next", command=f"cd {shlex.quote(str(folder))} && tunesmith run recipe.yaml")],
    )


@app.command(help=text("cli.help.check"))
def check(
    recipe: Annotated[Path | None, typer.Argument(metavar="RECIPE", help=text("cli.argument.recipe"))] = None,
    overrides: Overrides = None,
    model: Annotated[str | None, typer.Option("--model", help=text("cli.option.model"))] = None,
    as_json: JsonOption = False,
) -> None:
    """With both, one JSON value holds both, and the model is judged in the recipe's prompt style."""
    found: dict[str, Any] = {}
    lines: list[str] = []
    passed = True
    this = None if recipe is None else job(recipe, overrides, devices=False)
    if model is not None:
        from tunesmith.cli.show import parity_lines
        from tunesmith.lifecycle.parity import check_model

        style = None if this is None else this.recipe.model.prompt_style
        results = check_model(model, runtime(devices=True), progress(), style)
        passed = all(result.passed for result in results)
        found["model"] = [result.as_json() for result in results]
        lines += parity_lines(results, LANGUAGE)
    if this is not None:
        from tunesmith import lifecycle
        from tunesmith.cli.show import dataset_json, dataset_lines

        if any(section.asks_of_device for section in this.trainings().values()):
            this = replace(this, runtime=runtime(devices=True))
        dataset = lifecycle.prepare(this)
        lifecycle.check(this, dataset)
        found["dataset"] = dataset_json(dataset)
        lines += dataset_lines(dataset, LANGUAGE)
    if not found:
        raise TunesmithError("check-nothing")
    show(found if len(found) > 1 else next(iter(found.values())), lines)
    if not passed:
        raise typer.Exit(ExitCode.FAILED)


@app.command(help=text("cli.help.prepare"))
def prepare(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    rows: Annotated[int, typer.Option("--show", min=0, help=text("cli.option.show"))] = 0,
    recheck: Annotated[bool, typer.Option("--recheck", help=text("cli.option.recheck"))] = False,
    diff: Annotated[bool, typer.Option("--diff", help=text("cli.option.diff"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import dataset_json, dataset_lines, diff_lines, proof_lines, row_lines

    this = job(recipe, overrides, devices=False)
    if recheck:
        proof = lifecycle.recheck(this)
        show(proof.model_dump(mode="json"), proof_lines(proof, LANGUAGE))
        return
    dataset = lifecycle.prepare(this)
    if diff:
        changes = lifecycle.changed_rows(this, dataset, rows or DIFF_ROWS)
        found = {
            code: [{"place": str(one.place), "diff": one.lines} for one in changed] for code, changed in changes.items()
        }
        show(found, diff_lines(dataset.report(), changes, LANGUAGE))
        return
    card = lifecycle.data_card(this, dataset)
    shown = [row_lines(this.chat, row, LANGUAGE, colour=coloured()) for row in dataset.rows("train")[:rows]]
    show(
        {
            "folder": str(dataset.folder),
            "page": str(card.html),
            "card": str(card.card),
            **dataset_json(dataset),
            "shown": shown,
        },
        [
            *dataset_lines(dataset, LANGUAGE),
            text("cli.data-card-at", path=card.html),
            *(line for row in shown for line in row),
        ],
    )


@app.command(help=text("cli.help.unseal"))
def unseal(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=text("cli.argument.sealed"))],
    out: Annotated[Path, typer.Option("--out", help=text("cli.option.out"))],
    key: Annotated[str | None, typer.Option("--key", help=text("cli.option.key"))] = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.prepare.unseal import secret_name, unseal_file

    name = key or secret_name(file)
    if name is None:
        raise TunesmithError("unseal-key", place=Place(str(file)))
    secret = runtime(devices=False).secrets.get(name)
    if not secret:
        raise TunesmithError("personal-key-unset", name=name)
    done = unseal_file(file, secret.encode(), out)
    show({"file": str(out), **done._asdict()}, [text("cli.unsealed", out=out, **done._asdict())])


@app.command(help=text("cli.help.plan"))
def plan(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    probe: Annotated[bool, typer.Option("--probe", help=text("cli.option.probe"))] = False,
    curve: Annotated[bool, typer.Option("--learning-curve", help=text("cli.option.learning-curve"))] = False,
    bases: Annotated[list[str] | None, typer.Option("--base", help=text("cli.option.bases"))] = None,
    as_json: JsonOption = False,
) -> None:
    """The plan, then what else was asked. Where the plan is refused for memory, other bases are still told of."""
    from tunesmith.cli.show_plan import base_lines, curve_lines
    from tunesmith.cli.terminal import error_lines, error_object
    from tunesmith.lifecycle.bases import advise_bases
    from tunesmith.lifecycle.curve import learning_curve

    this = job(recipe, overrides)
    refused: TunesmithError | None = None
    try:
        found, lines = _planned(this, probe=probe)
    except TunesmithError as failure:
        if not bases or failure.code not in NO_ROOM:
            raise
        refused, found, lines = failure, error_object(failure, LANGUAGE), error_lines(failure, LANGUAGE)
    if bases:
        advice = advise_bases(this, bases)
        found["bases"] = asdict(advice)
        lines += ["", *base_lines(advice, LANGUAGE)]
    if curve and refused is None:
        read = learning_curve(this)
        found["learning_curve"] = asdict(read)
        lines += ["", *curve_lines(read, LANGUAGE)]
    show(found, lines)
    if refused is not None:
        raise typer.Exit(refused.exit_code)


def _planned(this: Job, *, probe: bool) -> tuple[dict[str, Any], list[str]]:
    """Each training with what it will need and, where it is probed, how long it will take."""
    from tunesmith import lifecycle
    from tunesmith.cli.show import plan_lines
    from tunesmith.cli.show_plan import estimate_lines, prediction_lines

    dataset = lifecycle.prepare(this)
    plans = lifecycle.plan(this, dataset)
    predictions = lifecycle.predict(this, dataset, plans)
    estimates = lifecycle.probe(this, dataset, plans) if probe else {}
    found: dict[str, Any] = {}
    lines: list[str] = []
    for name, made in plans.items():
        found[name] = made.body.model_dump(mode="json") | {"prediction": predictions[name].model_dump(mode="json")}
        lines += [*plan_lines(name, made, LANGUAGE), *prediction_lines(predictions[name], LANGUAGE)]
        if probe:
            found[name]["estimate"] = estimates[name].model_dump(mode="json")
            lines += estimate_lines(estimates[name], LANGUAGE)
    return {"plan": found}, lines


@app.command(help=text("cli.help.train"))
def train(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    launcher: LauncherOption = None,
    processes: ProcessesOption = None,
    as_json: JsonOption = False,
) -> None:
    if launcher or processes:
        launch(recipe, overrides, processes)
    from tunesmith import lifecycle
    from tunesmith.cli.show import health_json
    from tunesmith.lifecycle.watch import health_of

    models = lifecycle.models_of(training_job(recipe, overrides))
    found = health_json(health_of(models), LANGUAGE)
    folders = {name: str(model.payload) for name, model in models.items()}
    show(
        {name: {"folder": folder, "health": found[name]} for name, folder in folders.items()},
        [f"{name}  {folder}" for name, folder in folders.items()],
    )


@app.command(help=text("cli.help.evaluate"))
def evaluate(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help=text("cli.argument.recipe-or-scorecard"))],
    overrides: Overrides = None,
    recheck: Annotated[bool, typer.Option("--recheck", help=text("cli.option.recheck-scorecard"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import recheck_lines, scorecard_lines

    if recheck:
        found = lifecycle.recheck_scorecard(recipe)
        show(asdict(found), recheck_lines(found, LANGUAGE))
        return
    scorecard = lifecycle.scorecard_of(training_job(recipe, overrides))
    lines = [
        *scorecard_lines(scorecard.body, LANGUAGE),
        *lines_of_ratings(scorecard),
        "",
        text("cli.scorecard-at", path=scorecard.folder),
    ]
    show(scorecard.body.model_dump(mode="json"), lines)


@app.command(help=text("cli.help.run"))
def run(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=text("cli.option.dry-run"))] = False,
    launcher: LauncherOption = None,
    processes: ProcessesOption = None,
    as_json: JsonOption = False,
) -> None:
    if dry_run:
        from tunesmith.recipe import dump_recipe, load_recipe

        resolved = load_recipe(recipe_file(recipe), overrides or [])
        show(
            {"recipe": resolved.model_dump(mode="json"), "hash": resolved.fingerprint()},
            [dump_recipe(resolved) + f"# {text('cli.recipe-hash')} {resolved.fingerprint()}"],
        )
        return
    if launcher or processes:
        launch(recipe, overrides, processes)
    from tunesmith import lifecycle

    _tell(lifecycle.run(training_job(recipe, overrides)))


@app.command(help=text("cli.help.report"))
def report(recipe: RecipeArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    """Of a dataset's folder: the page of the data alone."""
    if not (recipe / "manifest.json").is_file():
        from tunesmith.lifecycle.made import report_again

        _tell(report_again(training_job(recipe, overrides)))
        return
    from tunesmith import lifecycle

    card = lifecycle.data_card_of(recipe, runtime(devices=False))
    show({"page": str(card.html), "card": str(card.card)}, [text("cli.data-card-at", path=card.html)])


def _tell(outcome: Outcome) -> None:
    from tunesmith.cli.show import health_json, scorecard_lines
    from tunesmith.lifecycle.watch import health_of

    lines = [
        *scorecard_lines(outcome.scorecard.body, LANGUAGE),
        *lines_of_ratings(outcome.scorecard),
        "",
        text("cli.data-card-at", path=outcome.data_card.html),
        text("cli.report-at", path=outcome.report.html),
    ]
    show(
        {
            "run": str(outcome.run_folder),
            "report": str(outcome.report.html),
            "card": str(outcome.report.card),
            "data_page": str(outcome.data_card.html),
            "data_card": str(outcome.data_card.card),
            "models": {name: str(model.folder) for name, model in outcome.models.items()},
            "health": health_json(health_of(outcome.models), LANGUAGE),
            "scorecard": outcome.scorecard.body.model_dump(mode="json"),
        },
        lines,
    )


@app.command(help=text("cli.help.compare"))
def compare(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    num: Annotated[int, typer.Option("--num", "-n", min=0, help=text("cli.option.num"))] = 5,
    as_json: JsonOption = False,
) -> None:
    from tunesmith import lifecycle
    from tunesmith.cli.show import before_after, before_after_lines

    pairs = before_after(lifecycle.scorecard_of(training_job(recipe, overrides)), num)
    show(pairs, before_after_lines(pairs, LANGUAGE))


@app.command(help=text("cli.help.explain"))
def explain(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    item: Annotated[str | None, typer.Option("--item", help=text("cli.option.item"))] = None,
    own: Annotated[str | None, typer.Option("--text", help=text("cli.option.text"))] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help=text("cli.option.rows"))] = 5,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.show_explain import explanation_lines
    from tunesmith.lifecycle.explain import Question
    from tunesmith.lifecycle.explain import explain as explain_answer

    found = explain_answer(job(recipe, overrides), Question(item, own), rows)
    show(asdict(found), explanation_lines(found, LANGUAGE, colour=coloured()))


# in the order in which `--help` lists them
app.command("rate", help=text("cli.help.rate"))(rate)
app.command("export", help=text("cli.help.export"))(export)
app.command("certificate", help=text("cli.help.certificate"))(certificate)
app.command("push", help=text("cli.help.push"))(push)
app.command("serve", help=text("cli.help.serve"))(serve)
app.command("chat", help=text("cli.help.chat"))(chat)
app.command("loadtest", help=text("cli.help.loadtest"))(loadtest)
app.command("monitor", help=text("cli.help.monitor"))(monitor)
app.command("watch", help=text("cli.help.watch"))(watch)
app.command("improve", help=text("cli.help.improve"))(improve)
app.command("promote", help=text("cli.help.promote"))(promote)
app.command("rollback", help=text("cli.help.rollback"))(rollback)
app.command("history", help=text("cli.help.history"))(history)
app.command("trace", help=text("cli.help.trace"))(trace)
app.command("forget", help=text("cli.help.forget"))(forget)
app.command("search", help=text("cli.help.search"))(search)
app.command("autopilot", help=text("cli.help.autopilot"))(autopilot)


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
def recipes_show(name: NameArgument, as_json: JsonOption = False) -> None:
    from tunesmith.cli.shipped import recipe_text

    content = recipe_text(name)
    show({"name": name, "yaml": content}, [content.rstrip()])


@recipes_app.command("copy", help=text("cli.help.recipes.copy"))
def recipes_copy(
    name: NameArgument,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help=text("cli.argument.target"))] = Path("recipe.yaml"),
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.shipped import copy_recipe

    copy_recipe(name, target)
    show({"file": str(target)}, [str(target)])


@config_app.command("schema", help=text("cli.help.config.schema"))
def config_schema(as_json: JsonOption = False) -> None:
    import json

    from tunesmith.recipe import Recipe

    schema = Recipe.model_json_schema()
    show(schema, [json.dumps(schema, ensure_ascii=False, indent=1)])


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
