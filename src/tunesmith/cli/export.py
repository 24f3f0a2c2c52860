"""`tunesmith export`: the judged model becomes a bundle."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tunesmith.cli.session import LANGUAGE, JsonOption, Overrides, RecipeArgument, job, show, text
from tunesmith.i18n import translate

if TYPE_CHECKING:
    from tunesmith.artifacts.bundle import Bundle

UNITS: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def export(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    anyway: Annotated[bool, typer.Option("--anyway", help=text("cli.option.anyway"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.lifecycle.export import export as ship

    this = job(recipe, overrides)
    bundle = ship(this, anyway=anyway)
    base = str(this.base.folder.resolve())
    show(
        {
            "bundle": str(bundle.folder),
            "key": bundle.key,
            "forms": [
                {**form.model_dump(mode="json", exclude={"use"}), "use": form.commands(base)}
                for form in bundle.body.forms
            ],
            "certificate": bundle.certificate().model_dump(mode="json"),
            "objections": [each.model_dump(mode="json") for each in bundle.body.objections],
        },
        list(bundle_lines(bundle, base, LANGUAGE)),
    )


def bundle_lines(bundle: Bundle, base: str, language: str) -> Iterator[str]:
    """Forms with their sizes, the certificate, and what to type to use each elsewhere."""
    from tunesmith.cli.show import table
    from tunesmith.cli.show_certificate import certificate_lines

    body = bundle.body
    head = [translate(f"cli.export.{name}", language) for name in ("forms", "dtype", "size")]
    yield from table([head, *([form.name, form.dtype, size(form.num_bytes)] for form in body.forms)])
    yield ""
    yield from certificate_lines(bundle.certificate(), language)
    for each in body.objections:
        yield translate(f"cli.export.objection.{each.code}", language, suite=each.suite)
    yield ""
    yield translate("cli.export.use", language)
    yield f"  cd {shlex.quote(str(bundle.folder))}"
    for form in body.forms:
        for command in form.commands(base).values():
            yield f"  {command}"
    yield ""
    yield translate("cli.export.at", language, path=bundle.folder)


def size(num_bytes: int) -> str:
    """In the largest unit that leaves a whole part: `12.3 MB`."""
    factor, unit = next((each for each in UNITS if num_bytes >= each[0]), (1, "B"))
    return f"{num_bytes / factor:.1f} {unit}" if unit != "B" else f"{num_bytes} B"
