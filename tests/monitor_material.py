"""Traffic drawn by a seed: questions of customers in English and Chinese, their answers, and what was said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from store_material import exchange

from tunesmith.artifacts import Identity
from tunesmith.monitor.features import ngram_vectors
from tunesmith.monitor.reference import KIND, Embed, Reference, Trained, make_reference
from tunesmith.monitor.windows import Window
from tunesmith.recipe.span import MONDAY
from tunesmith.records import Example, Exchange, Message, Place

WEEK = timedelta(days=7)
BEGIN = MONDAY + 2900 * WEEK
LABELS = ("delivery", "billing", "account")
ASKED = {
    "delivery": (
        "Where is parcel {n}?",
        "My order {n} has not arrived yet",
        "包裹{n}还没有送到",
        "订单{n}什么时候发货",
    ),
    "billing": ("I was charged twice for {n}", "Please send the invoice {n}", "订单{n}被重复扣款", "请把发票{n}发给我"),
    "account": ("I cannot log in to {n}", "Reset the password of {n}", "账户{n}无法登录", "请重置{n}的密码"),
}
NEW = (
    "Does the drone {n} fly over the sea at night?",
    "Teach the violin lesson {n} to beginners",
    "无人机{n}能在海上飞吗",
)


def question(rng: np.random.Generator, label: str, chinese: float) -> str:
    english, other = ASKED[label][:2], ASKED[label][2:]
    chosen = other if rng.random() < chinese else english
    return chosen[rng.integers(len(chosen))].format(n=rng.integers(1000, 9999))


def traffic(
    seed: int, num: int, week: int = 0, *, chinese: float = 0.2, new: float = 0.0, right: float = 0.9
) -> tuple[Exchange, ...]:
    """A week's exchanges, spread evenly over it; a share of them asks what no row asks."""
    rng = np.random.default_rng([seed, week])
    made = []
    for place in range(num):
        label = LABELS[rng.integers(len(LABELS))]
        text = question(rng, label, chinese)
        if rng.random() < new:
            text = NEW[rng.integers(len(NEW))].format(n=rng.integers(1000, 9999))
        said = label if rng.random() < right else LABELS[rng.integers(len(LABELS))]
        made.append(
            replace(
                exchange(week * 100_000 + place),
                at=BEGIN + week * WEEK + WEEK * place / num,
                prompt=(Message("user", text),),
                answer=Message("assistant", said),
                seconds=float(rng.gamma(2.0, 0.2)),
                first_token_seconds=float(rng.gamma(2.0, 0.05)),
            )
        )
    return tuple(made)


def window(week: int = 0) -> Window:
    return Window(BEGIN + week * WEEK, BEGIN + (week + 1) * WEEK)


def rows(seed: int, num: int, *, chinese: float = 0.2) -> list[Example]:
    rng = np.random.default_rng([seed, 99])
    made = []
    for place in range(num):
        label = LABELS[rng.integers(len(LABELS))]
        messages = (Message("user", question(rng, label, chinese)), Message("assistant", label))
        made.append(Example(f"row-{place}", messages, Place("rows.jsonl", line=place + 1), label=label))
    return made


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Directions of what texts are worded with; no model is needed to tell them apart."""
    return ngram_vectors(texts, 256)


def reference(out: Path, seed: int = 7, num: int = 1200, by: Embed = embed) -> Reference:
    identity = Identity(KIND, 1, {"seed": str(seed)}, {}, 0, {})
    trained = Trained(rows(seed, num), rows(seed + 1, 300), (), LABELS)
    return make_reference(trained, by, 300, identity=identity, out=out)


Clock = Callable[[], datetime]
