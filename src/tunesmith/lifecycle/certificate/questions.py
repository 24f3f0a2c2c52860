"""The prompts of a certificate: the same for every form, and the same again whenever they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from tunesmith.chat import Chat
from tunesmith.errors import Place
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.items import Item, general_items, test_items
from tunesmith.records import Example, Message

DOMAIN: Final = "domain"
TEXT_TOKENS: Final = 48
"""Of a text that was learned as it stands, the beginning is given, and the model writes on."""
NOWHERE: Final = Place("")


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, and the tokens after which it answers."""

    kind: str
    """`domain`, `general_en` or `general_zh`."""
    prompt: tuple[Message, ...]
    """Empty where the beginning of a text is given."""
    ids: tuple[int, ...]
    day: date | None = None
    """On which a conversation was rendered, where the template tells the model the date."""


def questions(evaluation: Evaluation, num_of_each: int) -> list[Question]:
    """Test rows, and general questions in English and in Chinese, `num_of_each` drawn of each from the run's seed."""
    seed, general = evaluation.seed, general_items()
    items = {DOMAIN: test_items(evaluation.dataset.rows("test"), num_of_each, seed)}
    for kind in sorted({item.suite for item in general}):
        items[kind] = _drawn([item for item in general if item.suite == kind], num_of_each, seed)
    return [_question(kind, item, evaluation.chat) for kind, chosen in items.items() for item in chosen]


def _drawn(items: Sequence[Item], num: int, seed: int) -> list[Item]:
    """As `test_items` draws."""
    places = sorted(np.random.default_rng(seed).permutation(len(items))[:num].tolist())
    return [items[place] for place in places]


def _question(kind: str, item: Item, chat: Chat) -> Question:
    if item.text is None:
        day = chat.today()
        return Question(kind, item.prompt, tuple(chat.prompt_ids(item.prompt, day)), day)
    (row,) = chat.training_rows([Example(item.id, (*item.prompt, Message("assistant", "")), NOWHERE, text=item.text)])
    return Question(kind, (), tuple(row.ids_T[:TEXT_TOKENS].tolist()))
