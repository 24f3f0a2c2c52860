"""What raters are shown: answers of a scorecard without the names of who gave them, in an order drawn by the seed.

People in the terminal, people with a page of their own and judging models are all asked what this module draws up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Final

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.ratings import shown_hash
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import DIMENSIONS, PREFERENCE, Message, Sample

TEST: Final = "test"


@dataclass(frozen=True)
class RatingPlan:
    """What one rater is asked; equal plans ask the same in the same order."""

    arms: tuple[str, ...]
    is_pairs: bool
    """Which of two answers is better, rather than how good each one is."""
    rater: str
    num_items: int
    seed: int = 0
    """Decides which items; with the rater's name, their order and the sides."""


@dataclass(frozen=True)
class RatingTask:
    """One thing to look at: a question and an answer to it, or two side by side."""

    item: str
    prompt: tuple[Message, ...]
    samples: tuple[Sample, ...]
    """From left to right."""
    may_correct: bool = False
    """Whether the rater may also say what is right instead."""

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(sample.arm for sample in self.samples)

    @property
    def reference(self) -> str:
        return self.samples[0].reference

    @property
    def shown(self) -> str:
        return shown_hash(self.prompt, self.samples)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return DIMENSIONS if len(self.samples) == 1 else (PREFERENCE,)

    def swapped(self) -> RatingTask:
        return RatingTask(self.item, self.prompt, self.samples[::-1])


def first_answers(samples: Iterable[Sample]) -> dict[tuple[str, str], Sample]:
    """By arm and item what was answered first to each test item."""
    return {(one.arm, one.item): one for one in samples if one.suite == TEST and one.index == 0}


def questions(samples: Iterable[Sample]) -> dict[str, tuple[Message, ...]]:
    """Each item's prompt as it stands: the shortest one, as examples in the prompt of an arm would give it away."""
    prompts: dict[str, tuple[Message, ...]] = {}
    for sample in samples:
        prompts[sample.item] = min(prompts.get(sample.item, sample.prompt), sample.prompt, key=_length)
    return prompts


def _length(prompt: tuple[Message, ...]) -> int:
    return sum(len(message.content) for message in prompt)


def default_arms(scorecard: Scorecard) -> tuple[str, ...]:
    """Whom the first verdict is about, what was tuned and what it is held against; the first two arms without one."""
    for verdict in scorecard.body.verdicts[:1]:
        return verdict.difference.against, verdict.arm
    return tuple(arm.name for arm in scorecard.body.arms[:2])


def rating_tasks(samples: Iterable[Sample], plan: RatingPlan) -> list[RatingTask]:
    """All that the rater is to see: the first answers to a sample of the test items, item by item.

    Raises TunesmithError `rate-arm` for an arm without answers, `rate-nothing` where there is nothing to rate.
    """
    firsts = first_answers(samples)
    prompts = questions(firsts.values())
    known = dict.fromkeys(arm for arm, _ in firsts)
    missing = next((arm for arm in plan.arms if arm not in known), None)
    if missing is not None:
        raise TunesmithError("rate-arm", arm=missing, known=", ".join(known))
    whole = [item for item in prompts if all((arm, item) in firsts for arm in plan.arms)]
    chosen = Random(f"{plan.seed}").sample(sorted(whole), min(plan.num_items, len(whole)))
    if not chosen or (plan.is_pairs and len(set(plan.arms)) < 2):
        raise TunesmithError("rate-nothing")
    Random(f"{plan.seed} {plan.rater}").shuffle(chosen)
    found = []
    for item in chosen:
        # sorted, so that the draw does not hang on the order of the scorecard
        answers = [firsts[arm, item] for arm in sorted(set(plan.arms))]
        Random(f"{plan.seed} {plan.rater} {item}").shuffle(answers)
        # of any two in a random order, either is as likely to be the first
        shown = combinations(answers, 2 if plan.is_pairs else 1)
        found += [RatingTask(item, prompts[item], each) for each in shown]
    return found


def refuse_unanswered(scorecard: Scorecard) -> None:
    """Raises TunesmithError `rate-nothing` where texts were read and nothing was answered."""
    if scorecard.body.task == "documents":
        raise TunesmithError("rate-nothing", place=Place(str(scorecard.folder)))
