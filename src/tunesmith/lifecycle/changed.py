"""The base that training starts from: the recipe's own, or what the recipe changes of it, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tunesmith.artifacts import is_whole
from tunesmith.artifacts.pruned import read_pruned
from tunesmith.evaluate.items import general_items
from tunesmith.model.base import Base, find_base
from tunesmith.model.changes import WEIGHTS, changed_identity, make_changed

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job

NUM_TEXTS: Final = 48
"""Texts over which layers are measured, spread evenly over the general questions of both languages."""


def changed_base(job: Job) -> Base:
    """Raises what `changed_identity` raises, before any weight is loaded."""
    changes = job.recipe.model.changes
    if changes.is_none:
        return job.base
    texts = _texts(job) if changes.prune.layers else ()
    out = job.artifact(changed_identity(job.base, changes, texts))
    if not is_whole(out):
        make_changed(job.base, changes, out, texts)
    return find_base(str(out / WEIGHTS))


def _texts(job: Job) -> list[list[int]]:
    """Questions that ship with the package, each with its answer, in the base's tokens and without a template."""
    items = general_items()
    chosen = [items[place * len(items) // NUM_TEXTS] for place in range(NUM_TEXTS)]
    return [job.chat.text_ids(f"{item.prompt[-1].content} {item.answer.content}") for item in chosen]


def tell_pruned(job: Job) -> None:
    """What pruning left of the base, in parameters and bytes, and what it took."""
    pruned = read_pruned(job.trained_base.folder)
    if job.recipe.model.changes.prune.is_none or pruned is None:
        return
    before, after = pruned.before, pruned.after
    job.progress.say(
        "say.base-pruned",
        "warning",
        before=f"{before.num_parameters:,}",
        left=f"{after.num_parameters:,}",
        share=f"{after.num_parameters / before.num_parameters:.0%}",
        before_mb=f"{before.num_bytes / 1e6:,.1f}",
        left_mb=f"{after.num_bytes / 1e6:,.1f}",
    )
    if pruned.layers:
        first, last = pruned.layers[0], pruned.layers[-1]
        angle = f"{180 * pruned.distances[first]:.0f}"
        job.progress.say("say.base-pruned-layers", first=first, last=last, angle=angle)
    if job.recipe.model.changes.prune.weights:
        job.progress.say("say.base-pruned-weights", "warning", share=f"{pruned.weights:.0%}")
