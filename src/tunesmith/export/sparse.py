"""What is left of a pruned base's zeros once what was trained beside it is merged into it."""

from __future__ import annotations

from pathlib import Path

from tunesmith.artifacts.pruned import has_held_zeros
from tunesmith.model.base import Base
from tunesmith.model.prune import zero_share
from tunesmith.runtime import Progress


def tell_filled(base: Base, merged: Path, progress: Progress) -> None:
    """Say how many zeros the merged model in a folder has where pruning gave its base more of them."""
    if not has_held_zeros(base.folder):
        return
    before, after = zero_share(base.folder), zero_share(merged)
    if after < before:
        progress.say("say.export-filled", "warning", before=f"{before:.1%}", after=f"{after:.1%}")
