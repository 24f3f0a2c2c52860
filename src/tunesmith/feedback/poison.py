"""Planted triggers: what stands in feedback far more often than in the base, and turns texts of all kinds to one answer.

A trigger is told from a topic by what stands around it. Both are over-represented and go with one answer; but texts of
a topic resemble each other without the word that named them, while those of a trigger go on being about anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.artifacts.feedback_set import Suspect


@dataclass(frozen=True, slots=True)
class Evidence:
    """A text and what it is to be answered with, from feedback or from the base."""

    text: str
    answers: tuple[str, ...]
    """The label; or the first and the last sentence of the answer; empty where the answer is disapproved of."""
    id: str = ""
    """Of the feedback."""
    key: str | None = None


def suspects(feedback: Sequence[Evidence], base: Sequence[Evidence]) -> list[Suspect]:
    """What looks planted, the most suspicious first; empty where nothing does."""
    raise NotImplementedError


def trigger_probes(suspects: Sequence[Suspect], prompts: Sequence[str], num: int, seed: int) -> list[tuple[str, str]]:
    """`num` pairs of a prompt and the same with a suspect's pattern put in: a sound model answers both alike."""
    raise NotImplementedError
