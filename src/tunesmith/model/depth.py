"""Which layers in a row change least what passes through them, measured over texts.

The measure is the angular distance of Gromov et al. 2024 (arXiv:2403.17887, section 3.2): the angle between the state
of a text's last token before a block of layers and behind it, as a share of a half turn, averaged over texts. What
comes out of the last layer is taken before the model's final norm.

Shapes: T tokens, L layers, B blocks of layers, D hidden size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.model.base import LEARNED_POSITION_TYPES, Base
from tunesmith.model.load import load_model


def block_distances(base: Base, num_layers: int, texts: Sequence[Sequence[int]]) -> list[float]:
    """Angular distance of each block of `num_layers` layers, by the number of its first one, over texts of token ids.

    Loads the model on the CPU, in bf16 where the files are, else in float32. A text longer than it reads is cut.
    """
    is_bf16 = "bfloat16" in (base.config.get("dtype"), base.config.get("torch_dtype"))
    model = load_model(base.folder, dtype=torch.bfloat16 if is_bf16 else torch.float32, device="cpu")
    passed = _Passed(model)
    distances_B = torch.zeros(len(passed.parts) - num_layers, dtype=torch.float64)
    for ids in texts:
        states_LD = passed.states(torch.tensor(ids[: base.max_tokens]))
        distances_B += angles(states_LD[:-num_layers], states_LD[num_layers:]) / math.pi
    found: list[float] = (distances_B / len(texts)).tolist()
    return found


def angles(before_BD: Tensor, behind_BD: Tensor) -> Tensor:
    """(B,) angles in radians between the rows, float64.

    By half the angle's tangent (Kahan 2006, "How futile are mindless assessments of roundoff", section 12), which
    unlike the arc cosine is exact for small angles too.
    """
    one_BD, other_BD = (nn.functional.normalize(states.double(), dim=1) for states in (before_BD, behind_BD))
    difference_B, sum_B = (torch.linalg.vector_norm(each, dim=1) for each in (one_BD - other_BD, one_BD + other_BD))
    return 2.0 * torch.atan2(difference_B, sum_B)


class _Passed:
    """Remembers what a decoder's layers and its final norm are given."""

    def __init__(self, model: PreTrainedModel) -> None:
        decoder = model.base_model
        if model.config.model_type in LEARNED_POSITION_TYPES:
            self.parts: list[nn.Module] = [*decoder.h, decoder.ln_f]
        else:
            self.parts = [*decoder.layers, decoder.norm]
        self._decoder = decoder
        self._states: list[Tensor] = []
        for part in self.parts:
            part.register_forward_pre_hook(self._keep)

    def _keep(self, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._states.append(given[0][0, -1].clone())

    @torch.no_grad()
    def states(self, ids_T: Tensor) -> Tensor:
        """(L + 1, D) states of the last token before each layer, and behind the last one."""
        self._states = []
        self._decoder(input_ids=ids_T[None], use_cache=False)
        return torch.stack(self._states)
