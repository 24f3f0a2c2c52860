"""Bias of the models in the report: gaps between groups of people, and what changes with whom a question is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.model_bias import GroupGap, ModelBias, SwapEffect
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.metrics.wording import Words, count, percent, probability, signed
from tunesmith.report.cells import Cell, cell_of

SHOWN: Final = 0.05
"""Gaps of single labels are shown below this corrected p-value, beside the widest one of each kind."""


@dataclass(frozen=True)
class GapRow:
    arm: str
    groups: str
    figure: str
    inside: Cell
    outside: Cell
    difference: str
    interval: str
    p_value: str
    is_clear: bool
    """Whether it is more than chance, after correction."""


@dataclass(frozen=True)
class SwapRow:
    attribute: str
    language: str
    arm: str
    num_items: str
    changed: Cell
    difference: str
    interval: str
    p_value: str
    items: str


@dataclass(frozen=True)
class BiasView:
    sizes: tuple[str, ...]
    """Of each attribute its groups and their test items, in one line."""
    odds: tuple[str, ...]
    """Of each attribute and arm the widest gaps of labels told rightly and wrongly, in one line."""
    gaps: tuple[GapRow, ...]
    swaps: tuple[SwapRow, ...]


def bias_view(body: ScorecardBody, words: Words) -> BiasView | None:
    """None where no protected attributes were declared."""
    if body.bias is None:
        return None
    return BiasView(
        sizes=tuple(_sizes(attribute, sizes, words) for attribute, sizes in body.bias.group_sizes.items()),
        odds=tuple(_odds(body.bias, words)),
        gaps=tuple(_gap_row(gap, body.metric, words) for gap in _worth_showing(body.bias.gaps)),
        swaps=tuple(_swap_row(effect, words) for effect in body.bias.swaps),
    )


def _sizes(attribute: str, sizes: dict[str, int], words: Words) -> str:
    groups = [words("bias.size", group=words.group(group, attribute), n=count(n)) for group, n in sizes.items()]
    listed = words.listed(groups) if groups else words("bias.no_groups")
    return words("bias.sizes", attribute=words.attribute(attribute), groups=listed)


def _worth_showing(gaps: Sequence[GroupGap]) -> list[GroupGap]:
    """Gaps of the verdict's metric, of labels that are more than chance, and the widest of each kind."""
    widest: dict[tuple[str, str, str], GroupGap] = {}
    for gap in gaps:
        key = (gap.arm, gap.attribute, gap.figure)
        if key not in widest or abs(gap.difference) > abs(widest[key].difference):
            widest[key] = gap
    return [gap for gap in gaps if gap.figure == "score" or gap.p_adjusted <= SHOWN or gap in widest.values()]


def _odds(bias: ModelBias, words: Words) -> Iterator[str]:
    """Equalised odds (Hardt et al. 2016, arXiv:1610.02413) ask for no gap in either rate."""
    for arm, attribute in dict.fromkeys((gap.arm, gap.attribute) for gap in bias.gaps):
        widest = {
            figure: max(
                (
                    abs(gap.difference)
                    for gap in bias.gaps
                    if (gap.arm, gap.attribute, gap.figure) == (arm, attribute, figure)
                ),
                default=None,
            )
            for figure in ("true_positive", "false_positive")
        }
        if any(gap is not None for gap in widest.values()):
            told = {figure: "–" if gap is None else percent(gap) for figure, gap in widest.items()}
            yield words("bias.odds", arm=words.arm(arm), attribute=words.attribute(attribute), **told)


def _gap_row(gap: GroupGap, metric: str, words: Words) -> GapRow:
    against = words.group(gap.against, gap.attribute) if gap.against else words("bias.others")
    figure = words.metric(metric) if gap.figure == "score" else words(f"bias.figure.{gap.figure}", label=gap.label)
    return GapRow(
        arm=words.arm(gap.arm),
        groups=words("bias.against", group=words.group(gap.group, gap.attribute), against=against),
        figure=figure,
        inside=cell_of(gap.inside, words),
        outside=cell_of(gap.outside, words),
        difference=signed(gap.difference),
        interval=words.between(signed(gap.low), signed(gap.high)),
        p_value=probability(gap.p_adjusted),
        is_clear=gap.p_adjusted <= SHOWN,
    )


def _swap_row(effect: SwapEffect, words: Words) -> SwapRow:
    difference = effect.difference
    return SwapRow(
        attribute=words(f"bias.swap.{effect.attribute}"),
        language=words.language_name(effect.language) if effect.language else words("bias.all_languages"),
        arm=words.arm(effect.arm),
        num_items=count(effect.changed.n),
        changed=cell_of(effect.changed, words),
        difference=signed(difference.mean),
        interval=words.interval_of_difference(difference),
        p_value=probability(difference.p_value if difference.p_adjusted is None else difference.p_adjusted),
        items=", ".join(effect.items),
    )
