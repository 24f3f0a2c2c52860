"""Which forms in fewer bits can be made of a model, told before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tunesmith.artifacts.head import read_head
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import DENSE_TYPES, Base
from tunesmith.model.fits import refuse_no_int8
from tunesmith.recipe.export import FormName

TYPES: Final[dict[FormName, tuple[str, ...]]] = {"int8": DENSE_TYPES, "gguf": DENSE_TYPES}
"""By form, which model types it is written for; others go as they are."""


def refuse_form(form: FormName, base: Base) -> None:
    """Raises TunesmithError `form-model-type` where the form is not written for this type of model, and what
    `refuse_no_int8` raises."""
    if form == "int8":
        refuse_no_int8()
    known = TYPES.get(form)
    if known is not None and base.model_type not in known:
        raise TunesmithError("form-model-type", form=form, type=base.model_type, known=", ".join(known))


def refuse_head(form: FormName, merged: Path) -> None:
    """Raises TunesmithError `form-head` where the model has a head of its own instead of writing."""
    if read_head(merged) is not None:
        raise TunesmithError("form-head", place=Place(str(merged)), form=form)
