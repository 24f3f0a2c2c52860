"""Rows that are about somebody else and otherwise the same: one for each attribute that a training row names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

from tunesmith.prepare.offspring import Parent, Try
from tunesmith.prepare.seal import texts_of, with_texts
from tunesmith.recipe.augment import Counterfactual
from tunesmith.text.counterfactual import full_names, swap_of

SWAPPED_COLUMN: Final = "swapped"
"""Metadata of such a row: what was swapped."""


def counterfactuals(parent: Parent, making: Counterfactual, protect: Iterable[str], seed: str) -> Iterator[Try]:
    """What can be said about somebody else, in every text of the row but its system message and its label.

    Rows without a label or a target change gender alone, and only where no full name stands in them: it may be that of
    a person whom the answer tells facts of.
    """
    example, phrases = parent.example, tuple(protect)
    texts = {path: text for path, text in texts_of(example).items() if path.startswith(("messages.", "rejected."))}
    if example.messages[0].role == "system":
        texts = {path: text for path, text in texts.items() if not path.startswith("messages.0.")}
    is_judged = example.label is not None or example.target is not None
    tells_person = not is_judged and any(map(full_names, texts.values()))
    for attribute in making.swap:
        if not is_judged and (attribute != "gender" or tells_person):
            continue
        for copy in range(making.copies):
            swap = swap_of(list(texts.values()), attribute, phrases, Random(f"{seed}:{attribute}:{copy}"))
            if swap is not None:
                changed = with_texts(example, {path: swap(text) for path, text in texts.items()})
                noted = replace(changed, metadata={**changed.metadata, SWAPPED_COLUMN: attribute})
                yield Try(parent, swap(parent.text), example=noted)
