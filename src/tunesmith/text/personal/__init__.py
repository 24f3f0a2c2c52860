"""Personal data in English and Chinese text: found by form, check digits, word lists and the words around them."""

from tunesmith.text.personal.find import find_personal, without_overlaps
from tunesmith.text.personal.span import CHECKED_TYPES, PERSONAL_TYPES, PersonalType, Span

__all__ = ["CHECKED_TYPES", "PERSONAL_TYPES", "PersonalType", "Span", "find_personal", "without_overlaps"]
