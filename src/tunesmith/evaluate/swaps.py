"""The test questions once more about somebody else: other genders, other names; and what becomes of the answers.

Shapes: N swapped items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, Literal

import numpy as np

from tunesmith.artifacts.model_bias import SwapEffect
from tunesmith.artifacts.scorecard import Task
from tunesmith.evaluate import summary
from tunesmith.evaluate.bias import MIN_ITEMS
from tunesmith.evaluate.items import SWAPPED, Item
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.summary import Floats, Judged
from tunesmith.metrics.answers import said_number
from tunesmith.metrics.faults import label_forms, label_told
from tunesmith.records import Message, Sample
from tunesmith.text.counterfactual import Swap, full_names, swap_of
from tunesmith.text.normalise import normalise_answer

Attribute = Literal["gender", "name"]
SAME_NUMBER: Final = 0.01
"""Numbers that differ by less, as a share, are one answer."""
MAX_EXAMPLES: Final = 5
LANGUAGES: Final = ("en", "zh", "mixed")
Changed = Callable[[Sample, Sample, Swap], bool]
"""Whether an answer is another one, given that to the item, that to the swapped one, and the swap."""


@dataclass(frozen=True)
class Swapped:
    """An item, and the same about somebody else under the same id."""

    place: int
    """Of the item among the test items."""
    item: Item
    swap: Swap


@dataclass
class SwapSheet:
    """What is asked once more, and what each arm made of it."""

    items: dict[Attribute, list[Swapped]]
    judged: dict[Attribute, dict[str, Judged]] = field(default_factory=dict)
    """By attribute, then arm."""

    @property
    def num_items(self) -> int:
        return sum(map(len, self.items.values()))

    def samples(self) -> list[Sample]:
        return [s for arms in self.judged.values() for judged in arms.values() for s in judged.answers.samples]

    def measure(self, wanted: Wanted) -> None:
        """Add the wanted metrics to the answers, as `measure` does to those to the test items."""
        for attribute, arms in self.judged.items():
            suites = {arm: {"test": judged} for arm, judged in arms.items()}
            measure(suites, [one.item for one in self.items[attribute]], wanted)
            self.judged[attribute] = {arm: suite["test"] for arm, suite in suites.items()}


def swap_sheet(attributes: Sequence[Attribute], items: Sequence[Item], task: Task, seed: int) -> SwapSheet:
    """The items that can be swapped, by attribute; none of texts that are read, not asked."""
    found: dict[Attribute, list[Swapped]] = {}
    for attribute in attributes if task != "documents" else ():
        swapped = (_swapped(place, item, attribute, task, seed) for place, item in enumerate(items))
        found[attribute] = [one for one in swapped if one is not None]
    return SwapSheet({attribute: swapped for attribute, swapped in found.items() if swapped})


def swap_of_item(prompt: Sequence[Message], answer: str, attribute: Attribute, task: Task, key: str) -> Swap | None:
    """How to say an item about somebody else; None where it names nobody.

    Where the answer is neither a label nor a number it is said of the other person too, genders alone are swapped, and
    nothing is where a full name stands: what the answer tells may be true of this person only. `key` seeds the names.
    """
    texts = [message.content for message in prompt if message.role != "system"]
    if task == "text":
        texts.append(answer)
        if attribute != "gender" or any(map(full_names, texts)):
            return None
    asked = texts[: len(texts) - (task == "text")]
    swap = swap_of(texts, attribute, (), Random(f"{key}:{attribute}"))
    # what only the answer says cannot be asked otherwise
    return swap if swap is not None and any(swap(text) != text for text in asked) else None


def _swapped(place: int, item: Item, attribute: Attribute, task: Task, seed: int) -> Swapped | None:
    swap = swap_of_item(item.prompt, item.answer.content, attribute, task, f"{seed}:{item.id}")
    if swap is None:
        return None
    prompt = tuple(
        message if message.role == "system" else replace(message, content=swap(message.content))
        for message in item.prompt
    )
    swapped = replace(item, suite=f"{SWAPPED}{attribute}", prompt=prompt)
    if task == "text":
        answer = replace(item.answer, content=swap(item.answer.content))
        swapped = replace(swapped, answer=answer, accepted=tuple(map(swap, item.accepted)))
    return Swapped(place, swapped, swap)


def changes_of(task: Task, labels: Sequence[str]) -> Changed:
    """How the answers of a task are told apart; a text that is swapped like its question is the same answer."""
    forms = label_forms(labels)

    def by_label(before: Sample, after: Sample, swap: Swap) -> bool:
        return label_told(before.answer, forms) != label_told(after.answer, forms)

    def by_number(before: Sample, after: Sample, swap: Swap) -> bool:
        one, other = said_number(before.answer), said_number(after.answer)
        if one is None or other is None:
            return one is not other
        return abs(one - other) > SAME_NUMBER * max(abs(one), abs(other))

    def by_text(before: Sample, after: Sample, swap: Swap) -> bool:
        same = {normalise_answer(text) for text in (before.answer, swap(before.answer))}
        return normalise_answer(after.answer) not in same

    return {"labels": by_label, "numbers": by_number, "text": by_text}.get(task, by_text)


def effects(
    sheet: SwapSheet, arms: Mapping[str, Judged], items: Sequence[Item], wanted: Wanted, seed: int
) -> list[SwapEffect]:
    """What the swaps change, by attribute, arm and language; the differences are corrected for their number."""
    changed = changes_of(wanted.task, wanted.labels)
    found: list[SwapEffect] = []
    for attribute, judged in sheet.judged.items():
        swapped = sheet.items[attribute]
        for arm, after in judged.items():
            pair = _Pair(arm, attribute, swapped, (arms[arm], after), [items[one.place] for one in swapped])
            found += pair.effects(changed, wanted.metric, seed)
    corrected = summary.adjusted([effect.difference for effect in found])
    return [one.model_copy(update={"difference": new}) for one, new in zip(found, corrected, strict=True)]


@dataclass(frozen=True)
class _Pair:
    """One arm's answers to the items and to the swapped ones."""

    arm: str
    attribute: Attribute
    swapped: Sequence[Swapped]
    judged: tuple[Judged, Judged]
    items: Sequence[Item]
    """The items as they were, (N,)."""

    def effects(self, changed: Changed, metric: str, seed: int) -> list[SwapEffect]:
        before, after = (_firsts(judged) for judged in self.judged)
        changed_N = np.array(
            [changed(before[one.item.id], after[one.item.id], one.swap) for one in self.swapped], np.float64
        )
        places = [one.place for one in self.swapped]
        if any(metric not in judged.values for judged in self.judged):
            return []
        pair = (self.judged[0].values[metric][places], self.judged[1].values[metric])
        languages = [""] + [code for code in LANGUAGES if 0 < self._num(code) < len(self.items)]
        kept = [code for code in languages if not code or self._num(code) >= MIN_ITEMS]
        return [
            self._effect(code, changed_N, pair, metric, seed)
            for code in kept
            if np.isfinite(pair[0] + pair[1])[self._chosen(code)].any()
        ]

    def _num(self, language: str) -> int:
        return len(self._chosen(language))

    def _chosen(self, language: str) -> list[int]:
        return [place for place, item in enumerate(self.items) if language in ("", item.language)]

    def _effect(
        self, language: str, changed_N: Floats, pair: tuple[Floats, Floats], metric: str, seed: int
    ) -> SwapEffect:
        chosen = self._chosen(language)
        items = [self.items[place] for place in chosen]
        groups = summary.groups_of(items)
        before, after = (
            replace(judged, values={metric: values_N[chosen]})
            for judged, values_N in zip(self.judged, pair, strict=True)
        )
        suite = f"{SWAPPED}{self.attribute}"
        (difference,) = summary.compare(suite, (self.arm, after), (self.arm, before), groups, seed)
        return SwapEffect(
            arm=self.arm,
            attribute=self.attribute,
            language=language,
            changed=summary.estimate(changed_N[chosen], groups, seed),
            difference=difference,
            items=[item.id for item, place in zip(items, chosen, strict=True) if changed_N[place]][:MAX_EXAMPLES],
        )


def _firsts(judged: Judged) -> dict[str, Sample]:
    return {sample.item: sample for sample in judged.answers.samples if sample.index == 0}
