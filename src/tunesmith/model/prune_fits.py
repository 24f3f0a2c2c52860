"""What can be pruned from a base, and its sizes then, told from names and shapes before any weight is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tunesmith.errors import TunesmithError
from tunesmith.model.base import DENSE_TYPES, ENCODER_TYPES, Base
from tunesmith.model.fits import LAYER, weight_shapes
from tunesmith.recipe.bases import Prune

NEURONS_UNIT: Final = 32
"""A multiple of so many neurons stays: whole vectors of every kernel, whole blocks of 8-bit files."""
DIVIDING_TYPES: Final = ("llama",)
"""Types whose configuration transformers refuses where the heads do not divide the hidden size, whatever theirs is."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The linear layers of a feed-forward part, by their names within its layer: those with a row for each neuron, and
    the one with a column."""

    reads: tuple[str, ...]
    writes: str


FEED_FORWARD: Final[dict[str, FeedForward]] = {
    **dict.fromkeys(DENSE_TYPES, FeedForward(("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj")),
    "gpt2": FeedForward(("mlp.c_fc",), "mlp.c_proj"),
    **dict.fromkeys(ENCODER_TYPES, FeedForward(("intermediate.dense",), "output.dense")),
    "distilbert": FeedForward(("ffn.lin1",), "ffn.lin2"),
}
"""By model type."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Query heads of a layer, before and after pruning."""

    num: int
    num_groups: int
    """Each group of query heads shares one key and one value head."""
    size: int
    num_gone: int
    """Of all groups together."""

    @property
    def num_left(self) -> int:
        return self.num - self.num_gone

    @property
    def are_alone(self) -> bool:
        """Whether each query head has key and value of its own, which go with it."""
        return self.num == self.num_groups

    @property
    def num_groups_left(self) -> int:
        return self.num_left if self.are_alone else self.num_groups


def layer_prefixes(names: Iterable[str]) -> dict[int, str]:
    """What the names of all weights of a layer begin with, by its number: `model.layers.3.`."""
    found = (LAYER.search(name) for name in names)
    return {int(each[1]): each.string[: each.end()] for each in found if each is not None}


def heads_after(base: Base, share: float) -> Heads:
    """How many heads of each layer go: the whole number nearest to the share of a group, the same in every group.

    Raises TunesmithError `prune-heads` where that is none or all, or where transformers would not load what is left.
    """
    shapes = weight_shapes(base.folder)
    prefix = next(iter(layer_prefixes(shapes).values()))
    num = int(base.config["num_attention_heads"])
    size = shapes[f"{prefix}self_attn.q_proj.weight"][0] // num
    groups = shapes[f"{prefix}self_attn.k_proj.weight"][0] // size
    # what one step of pruning takes: a head with its keys and values, or a head of every group
    num_steps, step = (num, 1) if groups == num else (num // groups, groups)
    must_divide = base.model_type in DIVIDING_TYPES
    hidden = int(base.config["hidden_size"])
    possible = [n for n in range(1, num_steps) if not must_divide or hidden % (num - n * step) == 0]
    asked = int(share * num_steps + 0.5)
    if asked not in possible:
        known = ", ".join(f"{n / num_steps:.4g}" for n in (0, *possible))
        raise TunesmithError("prune-heads", asked=share, num=num, groups=groups, known=known)
    return Heads(num, groups, size, asked * step)


def neurons_left(base: Base, share: float) -> int:
    """Of each feed-forward part: the multiple of NEURONS_UNIT nearest to what the share leaves.

    Raises TunesmithError `prune-neurons` where that is none, or as many as there were.
    """
    num = int(base.config["intermediate_size"])
    left = NEURONS_UNIT * int((1.0 - share) * num / NEURONS_UNIT + 0.5)
    if not 0 < left < num:
        raise TunesmithError("prune-neurons", asked=share, num=num, unit=NEURONS_UNIT)
    return left


def sizes_after(base: Base, prune: Prune) -> dict[str, int]:
    """What changes in the configuration, by the names that most architectures have.

    Raises what `heads_after` and `neurons_left` raise.
    """
    sizes = {}
    if prune.heads:
        heads = heads_after(base, prune.heads)
        # without the last one transformers would divide the hidden size by the heads
        sizes = {
            "num_attention_heads": heads.num_left,
            "num_key_value_heads": heads.num_groups_left,
            "head_dim": heads.size,
        }
    if prune.neurons:
        sizes["intermediate_size"] = neurons_left(base, prune.neurons)
    return sizes
