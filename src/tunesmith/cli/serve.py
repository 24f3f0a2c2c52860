"""`tunesmith serve`: a bundle behind an HTTP server with OpenAI's API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tunesmith.cli.keys import store_of
from tunesmith.cli.session import JsonOption, Overrides, job, runtime, show, text

if TYPE_CHECKING:
    from tunesmith.artifacts.bundle import Bundle
    from tunesmith.recipe.serve import Serve

REFERENCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,8})?", re.ASCII)
"""`champion`, `support-bot`, `support-bot@3`: no recipe is called so."""
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
        way = "cli.serve.try" if deployment.engine.capabilities.writes else "cli.serve.try-classify"
        proof = "scores" if deployment.engine.capabilities.scores else "texts"
        run_server(
            deployment,
            lambda address: show(
                {"address": address, "models": names, "form": deployment.facts.form, "proof": proof},
                [
                    text("cli.serve.ready", address=address, models=", ".join(names), form=deployment.facts.form),
                    text(f"cli.serve.proof.{proof}"),
                    text(way, address=address, model=names[0]),
                ],
            ),
        )


def served(target: Path, overrides: list[str] | None) -> tuple[Bundle, Serve]:
    """A bundle's folder, the recipe that a bundle was made of, or a model of the registry: what stands there now."""
    from tunesmith.lifecycle.serving import bundle_at, bundle_of, is_bundle

    if not target.exists() and REFERENCE.fullmatch(str(target)):
        return bundle_at(_registered(str(target), overrides or []), overrides or [])
    if is_bundle(target):
        return bundle_at(target, overrides or [])
    this = job(target, overrides)
    return bundle_of(this), this.recipe.serve


def _registered(reference: str, overrides: list[str]) -> Path:
    """The folder of a version, by the registry in the store that the overrides name, else in the workspace's own."""
    from tunesmith.store import open_version, resolve

    url = next((value for key, _, value in (one.partition("=") for one in overrides) if key == "serve.store"), None)
    with store_of(url) as store:
        return open_version(resolve(store, reference)).folder
