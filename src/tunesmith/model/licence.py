"""The licence that a model folder names. No torch here."""

from __future__ import annotations

from pathlib import Path

import yaml


def licence_of(folder: Path) -> str | None:
    """`license` of the model card's front matter, or the name of the licence file that lies beside the weights.

    A licence that the Hub does not list goes by its `license_name`.
    """
    card = folder / "README.md"
    if card.is_file():
        parts = card.read_text(encoding="utf-8", errors="replace").split("---", 2)
        if len(parts) == 3 and not parts[0].strip():
            front = yaml.safe_load(parts[1])
            named = [front.get(key) for key in ("license_name", "license")] if isinstance(front, dict) else []
            found = next((name for name in named if isinstance(name, str)), None)
            if found is not None:
                return found
    files = sorted(path.name for path in folder.glob("LICENSE*"))
    return files[0] if files else None
