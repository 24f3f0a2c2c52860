"""The export stage: the forms of a judged model, proved to answer like it, in one bundle."""

from __future__ import annotations

from pathlib import Path

from tunesmith.artifacts.bundle import Bundle
from tunesmith.export.exporting import Certify, Exporting
from tunesmith.runtime import Progress, Runtime


def export(exporting: Exporting, *, runtime: Runtime, progress: Progress, out: Path, certify: Certify) -> Bundle:
    """Write the forms of the section, have them certified, and publish the bundle at `out`."""
    raise NotImplementedError
