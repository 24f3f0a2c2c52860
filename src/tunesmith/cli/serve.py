"""`tunesmith serve`: a bundle behind an HTTP server with OpenAI's API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunesmith.cli.session import JsonOption, Overrides, job, runtime, show, text

if TYPE_CHECKING:
    from tunesmith.artifacts.bundle import Bundle
    from tunesmith.recipe.serve import Serve

TargetArgument = Annotated[Path, typer.Argument(metavar="TARGET", help=text("cli.argument.served"))]


def serve(target: TargetArgument, overrides: Overrides = None, as_json: JsonOption = False) -> None:
    from tunesmith.serve.run import refuse_exposed
    from tunesmith.serve.run import serve as run_server
    from tunesmith.serve.start import deploy
    from tunesmith.store import workspace_store

    bundle, section = served(target, overrides)
    with workspace_store(runtime(devices=False), section.store) as store:
        refuse_exposed(section, store)  # before a model is loaded
        deployment = deploy(bundle, section, store, runtime(devices=True))
        names = [model.name for model in deployment.models]
        run_server(
            deployment,
            lambda address: show(
                {"address": address, "models": names, "form": deployment.facts.form},
                [
                    text("cli.serve.ready", address=address, models=", ".join(names), form=deployment.facts.form),
                    text("cli.serve.try", address=address, model=names[0]),
                ],
            ),
        )


def served(target: Path, overrides: list[str] | None) -> tuple[Bundle, Serve]:
    """A bundle's folder, or the recipe that a bundle was made of."""
    from tunesmith.lifecycle.serving import bundle_at, bundle_of, is_bundle

    if is_bundle(target):
        return bundle_at(target, overrides or [])
    this = job(target, overrides)
    return bundle_of(this), this.recipe.serve
