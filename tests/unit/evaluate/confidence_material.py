"""Labels of a model whose temperature a test chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from tunesmith.evaluate import arms
from tunesmith.evaluate.items import Item
from tunesmith.records import Message, Sample

LABELS = ["card", "loan", "refund", "other"]


def labelled(num: int, seed: int, temperature: float, suite: str = "test", *, grouped: bool = False) -> list[Sample]:
    """Labels of a model that is as sure as it may be once its temperature is divided out."""
    rng = np.random.default_rng(seed)
    samples = []
    for number, logits in enumerate(rng.normal(size=(num, len(LABELS))) * 2.0):
        true = LABELS[rng.choice(len(LABELS), p=special.softmax(logits))]
        shares = special.softmax(logits * temperature).tolist()
        group = f"g{number // 2}" if grouped else None
        answer = Message("assistant", true)
        item = Item(f"{suite}{number}", suite, (Message("user", "?"),), answer, (true,), label=true, group=group)
        told = arms.label_sample(
            "tuned", item, item.prompt, LABELS[int(np.argmax(shares))], {"confidence": max(shares)}
        )
        samples.append(replace(told, probabilities=dict(zip(LABELS, shares, strict=True))))
    return samples
