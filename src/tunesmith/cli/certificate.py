"""`tunesmith certificate`: what a bundle's forms were found to be, and whether they still are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunesmith.cli.session import LANGUAGE, JsonOption, progress, runtime, show, text


def certificate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help=text("cli.argument.bundle"))],
    recheck: Annotated[bool, typer.Option("--recheck", help=text("cli.option.recheck-certificate"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.cli.show_certificate import certificate_lines, recertified_lines

    if recheck:
        from tunesmith.lifecycle.certificate.recertify import recheck as measure_again  # brings torch

        found = measure_again(bundle, runtime(devices=True), progress())
        told = {"certificate": found.found.model_dump(mode="json"), "largest": found.largest, "where": found.where}
        show(told, recertified_lines(found, LANGUAGE))
        return
    from tunesmith.artifacts.bundle import Bundle

    published = Bundle.open(bundle).certificate()
    show(published.model_dump(mode="json"), certificate_lines(published, LANGUAGE))
