"""Load a form of a bundle, once nothing in its folder could do harm."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from tunesmith.artifacts.bundle import BundleBody
from tunesmith.recipe.export import FormName


def load_form(folder: Path, body: BundleBody, form: FormName, *, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """A form of the bundle at `folder` (or of one that is not yet published), ready for an engine."""
    raise NotImplementedError
