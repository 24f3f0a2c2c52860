"""`calibration.json` gives back the maps that went into it, to the bit, and refuses what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tunesmith.artifacts.calibration import FILE, CalibrationFile, SavedMap, parameters_of, read_maps
from tunesmith.stats.maps import Isotonic, Map, Platt, Temperature, calibrated


def saved(fitted: Map, **changes: Any) -> SavedMap:
    settings = {"arm": "tuned", "model": "k", "confidence": "label", "method": "platt", "rows": "validation"}
    return SavedMap.model_validate({**settings, "num_fitted": 40, "parameters": parameters_of(fitted), **changes})


def test_maps_come_back_to_the_bit(tmp_path: Path) -> None:
    assert read_maps(tmp_path) == []
    maps: list[Map] = [
        Temperature(1 / 3),
        Platt(0.1 + 0.2, -1e-17),
        Isotonic((0.1, 1 / 3, 0.9999999999999999), (0.0, 0.1, 2 / 3)),
    ]
    body = CalibrationFile(maps=[saved(fitted) for fitted in maps])
    (tmp_path / FILE).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    found = read_maps(tmp_path)
    assert [one.map for one in found] == maps
    told = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], 50)
    for one, fitted in zip(found, maps, strict=True):
        assert (calibrated(told, one.map) == calibrated(told, fitted)).all()
    assert json.loads((tmp_path / FILE).read_text())["version"] == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"kind": "temperature", "temperature": 0.0},
        {"kind": "platt", "slope": float("nan"), "intercept": 0.0},
        {"kind": "isotonic", "at": [], "value": []},
        {"kind": "isotonic", "at": [0.2, 0.1], "value": [0.1, 0.2]},
        {"kind": "isotonic", "at": [0.1, 0.2], "value": [0.2, 0.1]},
        {"kind": "isotonic", "at": [0.1, 0.2], "value": [0.2]},
        {"kind": "isotonic", "at": [0.1, 1.2], "value": [0.2, 0.3]},
        {"kind": "spline", "knots": []},
    ],
)
def test_what_is_no_map_is_refused(parameters: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        saved(Platt(1.0, 0.0), parameters=parameters)
    whole = json.loads(CalibrationFile(maps=[saved(Platt(1.0, 0.0))]).model_dump_json())
    (tmp_path / FILE).write_text(json.dumps({**whole, "version": 2}))
    with pytest.raises(ValidationError):
        read_maps(tmp_path)
