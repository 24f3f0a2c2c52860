"""How the routers of a mixture spread tokens over their experts, as a table of ready words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.artifacts import TunedModel
from tunesmith.metrics.expert_load import load_of
from tunesmith.metrics.wording import Words, count, figure, percent


@dataclass(frozen=True)
class ExpertRow:
    """One layer of one trained model."""

    model: str
    layer: str
    num_experts: str
    largest: str
    """The busiest expert and its share of the layer's tokens."""
    smallest: str
    num_unused: str
    entropy: str


def expert_rows(models: Mapping[str, TunedModel], words: Words) -> tuple[ExpertRow, ...]:
    """Empty where no model has routed experts."""
    return tuple(
        ExpertRow(
            model=words.arm(name),
            layer=layer,
            num_experts=count(len(counts_E)),
            largest=_expert(counts_E, max(counts_E), words),
            smallest=_expert(counts_E, min(counts_E), words),
            num_unused=count(counts_E.count(0)),
            entropy=figure(load_of(counts_E).entropy),
        )
        for name, model in models.items()
        for layer, counts_E in model.expert_counts().items()
    )


def _expert(counts_E: list[int], num_tokens: int, words: Words) -> str:
    return words("report.experts.one", number=counts_E.index(num_tokens), share=percent(num_tokens / sum(counts_E)))
