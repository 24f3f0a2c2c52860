"""What is asked: test rows and the items of the general suites, in one form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np

from tunesmith.records import Example, Message, PlainText
from tunesmith.text.language import language_of

GENERAL_FILE: Final = "suites/general.jsonl"


@dataclass(frozen=True, slots=True)
class Item:
    """One question with what counts as right."""

    id: str
    suite: str
    prompt: tuple[Message, ...]
    answer: Message
    """The reference; its content is the answer, its reasoning the reference thinking."""
    accepted: tuple[str, ...]
    """All contents that count as an exact match."""
    label: str | None = None
    group: str | None = None
    language: str = "other"
    target: float | None = None
    text: PlainText | None = None
    """Where the item is a text to be read: `prompt` is the whole of it, `answer` what is judged."""


def test_items(examples: Sequence[Example], max_items: int | None, seed: int) -> list[Item]:
    """The test rows, or a seeded sample of them in their order."""
    chosen: Sequence[int] = range(len(examples))
    if max_items is not None and max_items < len(examples):
        chosen = sorted(np.random.default_rng(seed).permutation(len(examples))[:max_items].tolist())
    return [_from_example(examples[index]) for index in chosen]


def general_items() -> list[Item]:
    """The shipped general suites, `general_en` and `general_zh`."""
    text = (files("tunesmith.evaluate") / GENERAL_FILE).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [
        Item(
            id=row["id"],
            suite=f"general_{row['language']}",
            prompt=(Message("user", row["prompt"]),),
            answer=Message("assistant", row["answer"]),
            accepted=(row["answer"], *row["aliases"]),
            language=row["language"],
        )
        for row in rows
    ]


def _from_example(example: Example) -> Item:
    answer = example.answer
    if example.text is not None:
        answer = Message("assistant", example.prompt[-1].content[example.text.num_context :])
    return Item(
        id=example.id,
        suite="test",
        prompt=example.prompt,
        answer=answer,
        accepted=(answer.content,),
        label=example.label,
        group=example.group,
        language=language_of(example.prompt[-1].content),
        target=example.target,
        text=example.text,
    )
