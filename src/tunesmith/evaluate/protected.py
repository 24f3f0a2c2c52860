"""What the recipe asks of protected attributes, put together: gaps between groups, and what swaps change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunesmith.artifacts.model_bias import ModelBias
from tunesmith.evaluate import bias, swaps
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted
from tunesmith.evaluate.summary import Judged
from tunesmith.recipe.protected import Protected


def model_bias(
    section: Protected,
    sheet: swaps.SwapSheet,
    arms: Mapping[str, Judged],
    items: Sequence[Item],
    wanted: Wanted,
    seed: int,
) -> ModelBias:
    """Of the arms given. Raises TunesmithError `slice-column` for a group that the rows do not tell."""
    values = {attribute: bias.group_values(attribute, items) for attribute in section.groups}
    gaps = [
        gap
        for arm, judged in arms.items()
        for gap in bias.gaps_of(
            arm, values, items, list(bias.rates_of(judged, items, wanted.metric, wanted.labels)), seed
        )
    ]
    return ModelBias(
        group_sizes=bias.sizes_of(values),
        gaps=gaps,
        swaps=swaps.effects(sheet, arms, items, wanted, seed),
    )
