"""What is called personal data, and where in a text it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PersonalType = Literal[
    "name",
    "phone",
    "email",
    "address",
    "id-card",
    "card",
    "iban",
    "ssn",
    "bank-account",
    "ip",
    "birth-date",
    "secret",
]
PERSONAL_TYPES: Final[tuple[PersonalType, ...]] = (
    "secret",
    "id-card",
    "iban",
    "card",
    "ssn",
    "email",
    "ip",
    "birth-date",
    "bank-account",
    "phone",
    "address",
    "name",
)
"""The most specific first: of two spans of equal length that overlap, the earlier type stays."""
CHECKED_TYPES: Final[tuple[PersonalType, ...]] = ("id-card", "card", "iban", "ssn")
"""Types whose check digits, or for SSN rules of form, are verified."""


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data in a text: characters `start` up to and without `stop`."""

    start: int
    stop: int
    type: PersonalType
