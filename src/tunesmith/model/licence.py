"""The licence that a model folder names. No torch here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

_FRONT: Final = re.compile(r"\s*---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)


def licence_of(folder: Path) -> str | None:
    """`license` of the model card's front matter, or the name of the licence file that lies beside the weights.

    A licence that the Hub does not list goes by its `license_name`.
    """
    card = folder / "README.md"
    found = _FRONT.match(card.read_text(encoding="utf-8-sig", errors="replace")) if card.is_file() else None
    try:
        front = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:  # somebody else's card
        front = None
    named = [front.get(key) for key in ("license_name", "license")] if isinstance(front, dict) else []
    licence = next((name for name in named if isinstance(name, str)), None)
    if licence is not None:
        return licence
    files = sorted(path.name for path in folder.glob("LICENSE*"))
    return files[0] if files else None
