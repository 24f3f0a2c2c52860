"""`tunesmith annotate`: rows to annotators and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunesmith.cli.session import LANGUAGE, JsonOption, Overrides, RecipeArgument, job, show, text

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job

annotate_app = typer.Typer(help=text("cli.help.annotate"), rich_markup_mode=None)
FolderOption = Annotated[Path | None, typer.Option("--folder", help=text("cli.option.folder"))]
ResultsOption = Annotated[Path | None, typer.Option("--results", help=text("cli.option.results"))]


@annotate_app.command("export", help=text("cli.help.annotate.export"))
def annotate_export(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    folder: FolderOption = None,
    push: Annotated[bool, typer.Option("--push", help=text("cli.option.push"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.annotate_show import as_json_value, exported_lines
    from tunesmith.prepare.annotate import export_tasks

    this = job(recipe, overrides, devices=False)
    out = folder or annotation_folder(this)
    made = export_tasks(this.recipe, runtime=this.runtime, progress=this.progress, out=out, push=push)
    show(as_json_value(made), exported_lines(made, LANGUAGE))


@annotate_app.command("import", help=text("cli.help.annotate.import"))
def annotate_import(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    results: ResultsOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.annotate_show import as_json_value, imported_lines
    from tunesmith.prepare.annotate import import_results

    this = job(recipe, overrides, devices=False)
    out = folder or annotation_folder(this)
    made = import_results(this.recipe, runtime=this.runtime, progress=this.progress, out=out, file=results)
    show(as_json_value(made), imported_lines(made, LANGUAGE))


@annotate_app.command("agreement", help=text("cli.help.annotate.agreement"))
def annotate_agreement(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    results: ResultsOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.annotate_show import as_json_value, comparison_lines
    from tunesmith.prepare.annotate import compare_annotators

    this = job(recipe, overrides, devices=False)
    found = compare_annotators(this.recipe, runtime=this.runtime, out=folder or annotation_folder(this), file=results)
    show(as_json_value(found), comparison_lines(found, LANGUAGE))


def annotation_folder(this: Job) -> Path:
    return this.runtime.workspace / "annotation" / this.recipe.name
