"""Flat batches of every architecture against one plain forward pass of transformers a row."""

from __future__ import annotations

import numpy as np
import pytest
from flat_rows import CASES, LAYOUTS, TOLERANCE, largest_difference
from tiny_models import ARCHITECTURES, make_model

from tunesmith.records import Rendered


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(architecture: str) -> None:
    random = np.random.default_rng(11)
    rows = [
        Rendered(f"{case.__name__} {each.id}", each.ids_T, each.weights_T) for case in CASES for each in case(random)
    ]
    worst = largest_difference(make_model(architecture), rows, LAYOUTS[:3])
    print(f"{architecture}: {worst:.1e}")
    assert worst < TOLERANCE
