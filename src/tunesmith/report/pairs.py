"""The same prompts before and after training, chosen from the judged samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts.scorecard import READING
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.metrics.wording import Words, count, figure
from tunesmith.records import Message, Sample
from tunesmith.report.marks import Part, compare

TEST: Final = "test"
BASE: Final = "base"
MAX_CHARACTERS: Final = 3000
"""Longer texts are cut in the page; `samples.jsonl` has them whole."""
MAX_ITEMS: Final = 100
"""Items of a suite that the page shows; `samples.jsonl` has all of them."""

Change = Literal["gained", "lost", "same"]


@dataclass(frozen=True)
class Judged:
    """One item as one arm answered it."""

    first: Sample
    scores: Mapping[str, float]
    """Means over the item's samples."""


@dataclass(frozen=True)
class AnswerView:
    arm: str
    text: str
    parts: tuple[Part, ...]
    """The text, and which stretches of it the other answer lacks."""
    reasoning: tuple[Part, ...]
    """The thinking likewise; empty where there is none."""
    num_reasoning: str
    """Characters of the thinking."""
    cut_off: bool
    """The answer ended at the token limit."""
    scores: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PairView:
    change: Change
    earlier: tuple[tuple[str, str], ...]
    """Role and text of the messages before the last question."""
    question: str
    reference: str
    before: AnswerView
    after: AnswerView


@dataclass(frozen=True)
class LostItem:
    """An item of a general suite that the base answered rightly and the tuned model does not."""

    question: str
    before: str
    after: str


def judged_items(samples: Iterable[Sample], arms: Iterable[str]) -> dict[tuple[str, str, str], Judged]:
    """By arm, suite and item: the first sample, and each score's mean over the item's samples."""
    wanted = frozenset(arms)
    gathered: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        if sample.arm in wanted:
            gathered.setdefault((sample.arm, sample.suite, sample.item), []).append(sample)
    return {key: _judged(group) for key, group in gathered.items()}


def _judged(samples: Sequence[Sample]) -> Judged:
    ordered = sorted(samples, key=lambda sample: sample.index)
    names = [name for name in ordered[0].scores if all(name in sample.scores for sample in ordered)]
    return Judged(ordered[0], {name: sum(s.scores[name] for s in ordered) / len(ordered) for name in names})


def gains(judged: Mapping[tuple[str, str, str], Judged], arm: str, metric: str) -> dict[str, float]:
    """By test item that base and `arm` both answered: the gain, positive is better; 0 where `metric` is of no item."""
    found = {}
    for (name, suite, item), before in judged.items():
        if name != BASE or suite != TEST or (arm, TEST, item) not in judged:
            continue
        after = judged[arm, TEST, item]
        scored = metric in before.scores and metric in after.scores
        gain = after.scores[metric] - before.scores[metric] if scored else 0.0
        found[item] = -gain if metric in LOWER_IS_BETTER else gain
    return found


def choose(gain_by_item: Mapping[str, float], num_shown: int) -> list[str]:
    """Pick items deterministically: half of the largest gains, a quarter (at least one) of the largest losses where
    there are so many, the rest spread evenly over the others. Ties go by item id.
    """
    ranked = sorted(gain_by_item, key=lambda item: (-gain_by_item[item], item))
    gained = [item for item in ranked if gain_by_item[item] > 0][: (num_shown + 1) // 2]
    num_lost = min(max(1, num_shown // 4), num_shown - len(gained))
    losers = sorted((item for item in ranked if gain_by_item[item] < 0), key=lambda item: (gain_by_item[item], item))
    lost = losers[:num_lost]
    others = sorted(set(ranked) - set(gained) - set(lost))
    num_others = min(num_shown - len(gained) - len(lost), len(others))
    return gained + lost + [others[place * len(others) // num_others] for place in range(num_others)]


def before_after(
    judged: Mapping[tuple[str, str, str], Judged], arm: str, metric: str, num_shown: int, words: Words
) -> tuple[PairView, ...]:
    gain_by_item = gains(judged, arm, metric)
    return tuple(
        _pair(judged[BASE, TEST, item], judged[arm, TEST, item], gain_by_item[item], words)
        for item in choose(gain_by_item, num_shown)
    )


def lost_items(
    judged: Mapping[tuple[str, str, str], Judged], arm: str, suite: str, items: Iterable[str], words: Words
) -> tuple[LostItem, ...]:
    """What was asked and answered for each lost item whose samples are kept, the first `MAX_ITEMS` of them."""
    views: list[LostItem] = []
    for item in items:
        if len(views) == MAX_ITEMS:
            break
        before, after = judged.get((BASE, suite, item)), judged.get((arm, suite, item))
        if before and after:
            question = shorten(before.first.prompt[-1].content, words)
            views.append(LostItem(question, shorten(before.first.answer, words), shorten(after.first.answer, words)))
    return tuple(views)


def shorten(text: str, words: Words) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    rest = words("report.pairs.more", count=count(len(text) - MAX_CHARACTERS))
    return f"{text[:MAX_CHARACTERS]} … {rest}"


def _pair(before: Judged, after: Judged, gain: float, words: Words) -> PairView:
    prompt = before.first.prompt
    answers = [shorten(judged.first.answer, words) for judged in (before, after)]
    thoughts = [shorten(judged.first.reasoning or "", words) for judged in (before, after)]
    views = [
        _answer(judged, parts, reasoning, words)
        for judged, parts, reasoning in zip((before, after), compare(*answers), compare(*thoughts), strict=True)
    ]
    return PairView(
        change="gained" if gain > 0 else "lost" if gain < 0 else "same",
        earlier=tuple(_turn(message, words) for message in prompt[:-1]),
        question=shorten(prompt[-1].content, words),
        reference=shorten(before.first.reference, words),
        before=views[0],
        after=views[1],
    )


def _turn(message: Message, words: Words) -> tuple[str, str]:
    return words(f"report.role.{message.role}"), shorten(message.content, words)


def _answer(judged: Judged, parts: tuple[Part, ...], reasoning: tuple[Part, ...], words: Words) -> AnswerView:
    sample = judged.first
    return AnswerView(
        arm=words.arm(sample.arm),
        text="".join(text for text, _ in parts),
        parts=parts,
        reasoning=reasoning,
        num_reasoning=count(len(sample.reasoning or "")),
        cut_off=sample.finish_reason == "length",
        scores=tuple(
            (words.metric(name), figure(value)) for name, value in judged.scores.items() if name not in READING
        ),
    )
