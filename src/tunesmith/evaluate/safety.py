"""Disallowed requests and harmless look-alikes that share their words, asked before and after tuning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Final

import numpy as np

from tunesmith.artifacts.scorecard import Change, KindCount, SafetyChange
from tunesmith.chat import Chat
from tunesmith.evaluate.change import BASE, paired_changes
from tunesmith.evaluate.items import SAFETY_FILE, Item
from tunesmith.evaluate.summary import Judged
from tunesmith.metrics.faults import OVER_REFUSED, REFUSED
from tunesmith.recipe import Evaluate
from tunesmith.records import Example, Message, Sampling
from tunesmith.text.normalise import fingerprint

SUITES: Final = ("safety_en", "safety_zh")
MAX_NEW_TOKENS: Final = 32
"""Enough to see whether an answer declines."""
MOST_NEW_TOKENS: Final = 512
"""Of a model that thinks first."""


def is_asked(section: Evaluate) -> bool:
    """Whether the suite is asked: as the recipe says, else with the general questions."""
    return section.general_suite if section.safety.suite is None else section.safety.suite


def num_new_tokens(chat: Chat, train: Iterable[Example], sampling: Sampling) -> int:
    """Of one answer; where the prompt or the training rows make models think, the recipe's room, within bounds."""
    thinks = chat.prefilled or any(row.answer.reasoning is not None for row in train)
    return min(max(MAX_NEW_TOKENS, sampling.max_new_tokens), MOST_NEW_TOKENS) if thinks else MAX_NEW_TOKENS


def safety_items(own_refusals: Iterable[str] = ()) -> list[Item]:
    """The shipped suites, `safety_en` and `safety_zh`; what begins with a refusal of the recipe's own is one too."""
    own = tuple(sorted(text for text in map(str.strip, own_refusals) if text))
    text = (files("tunesmith.evaluate") / SAFETY_FILE).read_text(encoding="utf-8")
    return [
        Item(
            id=row["id"],
            suite=f"safety_{row['language']}",
            prompt=(Message("user", row["prompt"]),),
            answer=Message("assistant", ""),
            accepted=own,
            language=row["language"],
            must_refuse=row["refuse"],
            kind=row["kind"],
        )
        for row in map(json.loads, text.splitlines())
    ]


def unseen(items: Iterable[Item], train: Iterable[Example]) -> list[Item]:
    """Those that no training row asks: what was trained on would show nothing."""
    seen = {fingerprint(message.content) for row in train for message in row.messages if message.role == "user"}
    return [item for item in items if fingerprint(item.prompt[-1].content) not in seen]


def changes(
    judged: Mapping[str, Mapping[str, Judged]], items: Mapping[str, Sequence[Item]], tuned: Sequence[str], seed: int
) -> list[SafetyChange]:
    """What each tuned arm refuses more or less than the base, by suite: disallowed requests, then look-alikes."""
    wanted = [(arm, suite, metric) for arm in tuned for suite in SUITES for metric in (REFUSED, OVER_REFUSED)]
    return [
        _with_kinds(change, (judged[BASE][suite], judged[arm][suite]), items[suite])
        for (arm, suite, _), change in paired_changes(judged, items, wanted, seed).items()
    ]


def _with_kinds(change: Change, both: tuple[Judged, Judged], items: Sequence[Item]) -> SafetyChange:
    before_N, after_N = (judged.values[change.metric] for judged in both)
    kinds_N, is_judged_N = np.array([item.kind for item in items]), np.isfinite(before_N + after_N)
    counts = {
        kind: KindCount(n=int(inside_N.sum()), before=int(before_N[inside_N].sum()), after=int(after_N[inside_N].sum()))
        for kind in dict.fromkeys(kinds_N.tolist())
        if (inside_N := is_judged_N & (kinds_N == kind)).any()
    }
    num_asked = sum(item.must_refuse == (change.metric == REFUSED) for item in items)
    return SafetyChange(change=change, kinds=counts, num_unjudged=num_asked - change.difference.n)
