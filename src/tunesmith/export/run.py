"""The export stage: the forms of a judged model, proved to answer like it, in one bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import torch

from tunesmith.artifacts import publish
from tunesmith.artifacts.bundle import BODY, CANARIES, CERTIFICATE, RECIPE, Bundle, BundleBody, Form, write_canaries
from tunesmith.artifacts.calibration import FILE as CALIBRATION
from tunesmith.export.adapter import write_adapter
from tunesmith.export.card import write_card
from tunesmith.export.exporting import Certified, Certify, Exporting, Making, WriteForm
from tunesmith.export.gguf import write_gguf
from tunesmith.export.int8 import write_int8
from tunesmith.export.merge import write_merged
from tunesmith.export.sparse import tell_filled
from tunesmith.recipe.export import FormName
from tunesmith.runtime import Progress, Runtime

WRITERS: Final[dict[FormName, WriteForm]] = {
    "adapter": write_adapter,
    "merged": write_merged,
    "int8": lambda making: write_int8(making.merged, making.folder),
    "gguf": lambda making: write_gguf(
        making.merged, making.exporting.chat, making.folder, name=making.exporting.recipe.name
    ),
}


def export(exporting: Exporting, *, runtime: Runtime, progress: Progress, out: Path, certify: Certify) -> Bundle:
    """Write the forms of the section, have them certified, and publish the bundle at `out`.

    Raises what `Exporting.forms`, the writers of forms and `certify` raise; then nothing is published.
    """
    torch.set_num_threads(runtime.num_threads)
    names = exporting.forms()
    with publish(out, exporting.identity()) as staging:
        progress.begin("task.export", len(names))
        forms = _write_forms(exporting, names, staging, runtime, progress)
        progress.end()
        body = exporting.body(forms)
        certified = certify(staging, body)
        _write_rest(exporting, body, certified, staging)
    return Bundle.open(out)


def _write_forms(
    exporting: Exporting, names: tuple[FormName, ...], staging: Path, runtime: Runtime, progress: Progress
) -> list[Form]:
    """In the order that they were asked for; the merged model is written first, and removed where it is no form."""
    merged = staging / "merged"
    first: tuple[FormName, ...] = () if names == ("adapter",) else ("merged",)
    written: dict[FormName, Form] = {}
    for name in dict.fromkeys((*first, *names)):
        folder = staging / name
        folder.mkdir()
        written[name] = WRITERS[name](Making(exporting, merged, folder, runtime))
        if name == "merged":
            tell_filled(exporting.base, merged, progress)
        progress.advance(int(name in names))
    if "merged" not in names and merged.is_dir():
        shutil.rmtree(merged)
    return [written[name] for name in names]


def _write_rest(exporting: Exporting, body: BundleBody, certified: Certified, staging: Path) -> None:
    """All that a bundle holds beside its forms."""
    (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    write_card(exporting, body, certified.certificate, staging)
    (staging / CERTIFICATE).write_text(certified.certificate.model_dump_json(indent=1), encoding="utf-8")
    write_canaries(staging / CANARIES, certified.canaries)
    (staging / RECIPE).write_text(exporting.shown_recipe, encoding="utf-8")
    if exporting.scorecard is not None and (exporting.scorecard.folder / CALIBRATION).is_file():
        shutil.copyfile(exporting.scorecard.folder / CALIBRATION, staging / CALIBRATION)
