"""Load a form of a bundle, once nothing in its folder could do harm."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from tunesmith.artifacts.bundle import BundleBody
from tunesmith.artifacts.head import read_head
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import Base, find_base
from tunesmith.model.harmless import refuse_harmful
from tunesmith.model.load import load_model
from tunesmith.model.method import load_method
from tunesmith.model.score import load_with_head
from tunesmith.recipe.export import FormName


def form_base(folder: Path, body: BundleBody, form: FormName) -> Base:
    """The model folder that a form is loaded from: the base of an adapter, else the form itself.

    Nothing is loaded. Raises TunesmithError `bundle-form` where the bundle has no such form, `bundle-elsewhere` for one
    that only other programs load, `bundle-base` where the base that is found is not the one that the adapter was
    trained on, what `refuse_harmful` and `find_base` raise.
    """
    known = [each.name for each in body.forms]
    if form not in known:
        raise TunesmithError("bundle-form", place=Place(str(folder)), form=form, known=", ".join(known))
    if form == "gguf":
        raise TunesmithError("bundle-elsewhere", place=Place(str(folder)), form=form)
    refuse_harmful(folder / form)
    if form != "adapter":
        return find_base(str(folder / form))
    base = find_base(body.base.reference, body.base.revision)
    if base.content_hash != body.base.sha256:
        place = Place(str(base.folder))
        raise TunesmithError("bundle-base", place=place, reference=body.base.reference, expected=body.base.sha256[:16])
    return base


def load_form(folder: Path, body: BundleBody, form: FormName, *, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """A form of the bundle at `folder`, published or not yet, ready for an engine.

    Raises what `form_base` and `load_method` raise.
    """
    base = form_base(folder, body, form)
    is_adapter = form == "adapter"
    four_bit = is_adapter and body.base.four_bit
    head = read_head(folder / form)
    if head is None:
        model = load_model(base.folder, dtype=dtype, device=device, four_bit=four_bit)
    else:
        model = load_with_head(base.folder, head, dtype=dtype, device=device, four_bit=four_bit)
    if is_adapter:
        load_method(model, folder / form)
    return model
