"""Prompts with training rows in front: what a model does with examples and without training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tunesmith.evaluate.baselines import likest
from tunesmith.evaluate.items import Item
from tunesmith.recipe.few_shot import FewShotRows
from tunesmith.records import Example, Message


def few_shot_prompts(
    items: Sequence[Item], train: Sequence[Example], rows: FewShotRows, seed: int
) -> list[tuple[Message, ...]]:
    """Each item's prompt with the chosen training rows as earlier turns, behind the item's own system prompt."""
    return [
        (
            *(message for message in item.prompt if message.role == "system"),
            *(message for index in chosen for message in train[index].messages if message.role != "system"),
            *(message for message in item.prompt if message.role != "system"),
        )
        for item, chosen in zip(items, _chosen(items, train, rows, seed), strict=True)
    ]


def _chosen(items: Sequence[Item], train: Sequence[Example], rows: FewShotRows, seed: int) -> list[list[int]]:
    """Places of the training rows that each item is shown, in the order in which they are shown."""
    if rows.choose == "nearest":
        # the likest stands last, nearest to the question
        return [row[::-1] for row in likest(train, items, rows.num)]
    if rows.choose == "first":
        return [list(range(min(rows.num, len(train))))] * len(items)
    by_length = sorted(range(len(train)), key=lambda index: (_num_characters(train[index]), train[index].id))
    shorter = by_length[: max(rows.num, len(by_length) // 2)]
    drawn = np.random.default_rng(seed).permutation(len(shorter))[: rows.num].tolist()
    return [[shorter[place] for place in drawn]] * len(items)


def _num_characters(row: Example) -> int:
    return sum(len(message.content) for message in row.messages)
