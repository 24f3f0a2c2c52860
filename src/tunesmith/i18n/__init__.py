"""The catalogue of user-facing text.

Every entry holds its English and its Chinese form side by side, so that neither can be forgotten. Keys are
dotted: `error.*` and `hint.*` belong to coded errors, `cli.*` to the terminal, `report.*` to reports and cards.
"""

from __future__ import annotations

from tunesmith.i18n.catalogue import CATALOGUE

LANGUAGES = ("en", "zh")


def translate(key: str, language: str = "en", /, **parameters: object) -> str:
    """Return the text of `key` in `language` ("en" or "zh"), its placeholders filled from `parameters`.

    Raises KeyError when the catalogue has no such key or a placeholder is missing: both are defects, not user errors.
    """
    return CATALOGUE[key][LANGUAGES.index(language)].format(**parameters)
