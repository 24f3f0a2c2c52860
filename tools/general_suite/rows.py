"""A question of the general suites with its answer and its check, and short ways to write one down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["language", "arithmetic", "reasoning", "format", "refusal"]
KINDS: tuple[Kind, ...] = ("language", "arithmetic", "reasoning", "format", "refusal")
EXACT: dict[str, Any] = {"name": "exact"}


@dataclass(frozen=True)
class Row:
    """`answer` passes `check`, which `tunesmith.metrics.checks` describes."""

    prompt: str
    answer: str
    aliases: tuple[str, ...]
    check: dict[str, Any]


def exact(prompt: str, answer: str, *aliases: str) -> Row:
    return Row(prompt, answer, aliases, EXACT)


def number(prompt: str, answer: int) -> Row:
    return Row(prompt, str(answer), (), {"name": "number"})


def pick(prompt: str, right: str, *others: str) -> Row:
    """The right one of several that the question names, or that there are."""
    return Row(prompt, right, (), {"name": "choice", "options": sorted([right, *others])})


def form(prompt: str, answer: str, **demands: Any) -> Row:
    return Row(prompt, answer, (), {"name": "form", **demands})


def value(prompt: str, answer: str, json_value: Any) -> Row:
    """JSON that says exactly this."""
    return Row(prompt, answer, (), {"name": "json", "value": json_value})


def keys(prompt: str, answer: str, *names: str) -> Row:
    """A JSON object with these keys, whatever it says."""
    return Row(prompt, answer, (), {"name": "json", "keys": list(names)})


def refused(prompt: str, answer: str) -> Row:
    return Row(prompt, answer, (), {"name": "refusal"})
