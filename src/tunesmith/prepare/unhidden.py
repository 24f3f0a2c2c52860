"""What a recipe that hides no personal data leaves in the rows: looked for in some of them, told, and left there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from tunesmith.artifacts.dataset import Unhidden, sample_of
from tunesmith.prepare.seal import texts_of
from tunesmith.recipe.prepare import Personal
from tunesmith.records import Example
from tunesmith.text.personal import PersonalType, find_personal

TYPES: Final[tuple[PersonalType, ...]] = ("id-card", "iban", "card", "ssn", "bank-account", "phone", "email", "secret")
"""Types told by their form, which hardly any other text has."""
NUM_ROWS: Final = 1000


def unhidden_in(folder: Path, section: Personal) -> Unhidden | None:
    """Of the written training rows; None where the section treats personal data."""
    if section.mode != "off":
        return None
    drawn = sample_of(folder, "train", NUM_ROWS)
    found = [types for example in drawn if (types := _types_in(example))]
    counts = Counter(kind for types in found for kind in types)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], TYPES.index(item[0])))
    return Unhidden(looked_at=len(drawn), rows=len(found), types=dict(ordered))


def _types_in(example: Example) -> set[PersonalType]:
    return {span.type for text in texts_of(example).values() for span in find_personal(text, TYPES)}
