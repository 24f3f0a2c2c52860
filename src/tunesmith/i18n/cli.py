"""Texts of the terminal (`cli.*`), of progress (`task.*`, `say.*`) and of the plan's reasons (`plan.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {}
