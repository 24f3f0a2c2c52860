"""What a model's weights do here, compared with transformers and peft themselves: logits, an adapter, three steps.

Every comparison loads the model anew in float32 and holds one copy at a time.

Shapes: T tokens of a row, V vocabulary.
"""

from __future__ import annotations

import gc
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.model.base import Base
from tunesmith.model.layout import lay_out
from tunesmith.model.load import head_weight, hidden_states, load_model
from tunesmith.model.lora import LoraLinear, attach_lora, load_adapter, save_adapter
from tunesmith.recipe import Lora
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Constant
from tunesmith.records import Rendered
from tunesmith.train.drive import validation_figures
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource, micro_batches
from tunesmith.train.step import train_steps

MAX_DIFFERENCE: Final = 1e-3
"""Largest difference of two logits in float32."""
MAX_SHARE: Final = 1e-4
"""The same as a share of the largest logit, for models whose logits are large."""
LAYOUT_TOKENS: Final = 4096
MIN_SHARED_TOKENS: Final = 4
"""Even a short common beginning is shared, so that sharing is what is compared."""
METHOD: Final = Lora(rank=4, alpha=8.0)
NUM_STEPS: Final = 3
RATE_AT_1536: Final = 2e-4
"""A customary rate of LoRA at 1,536 hidden units; narrower models take more."""
SEED: Final = 20


@dataclass(frozen=True, slots=True)
class LogitsComparison:
    """The flat layout with shared beginnings against one plain forward pass a row."""

    difference: float
    limit: float
    num_tokens: int
    num_computed_tokens: int

    @property
    def holds(self) -> bool:
        return self.difference <= self.limit


@dataclass(frozen=True, slots=True)
class AdapterComparison:
    """A random adapter of ours against the same one saved and loaded."""

    difference: float
    limit: float
    effect: float
    """How far the adapter moves the logits."""
    loaded_by: Literal["peft", "own"]

    @property
    def holds(self) -> bool:
        # an adapter that changes nothing would pass unseen
        return self.difference <= self.limit < self.effect


@dataclass(frozen=True, slots=True)
class ShortTraining:
    """Loss in nats per supervised token before and after a few steps on the same rows."""

    before: float
    after: float
    num_steps: int
    kept_base: bool
    """Whether the frozen weights are bit for bit what they were."""

    @property
    def holds(self) -> bool:
        return self.kept_base and self.after < self.before


def compare_logits(base: Base, rows: Sequence[Rendered], device: str) -> LogitsComparison:
    """Every position of every row; `rows` have all their tokens supervised."""
    ours, num_computed = _flat_logits(_model(base, device), rows)
    gc.collect()
    theirs = _plain_logits(_plain_model(base, device), rows)
    num_tokens = sum(len(row.ids_T) for row in rows)
    return LogitsComparison(_largest_difference(ours, theirs), _limit(theirs), num_tokens, num_computed)


def compare_adapter(base: Base, rows: Sequence[Rendered], device: str) -> AdapterComparison:
    """Save an adapter with random B and load it by peft, or by `load_adapter` where peft is not installed."""
    with TemporaryDirectory(prefix="tunesmith-") as scratch:
        ours, effect = _write_adapter(base, rows, device, Path(scratch))
        gc.collect()
        by_peft = find_spec("peft") is not None
        theirs = (_read_by_peft if by_peft else _read_ourselves)(base, rows, device, Path(scratch))
    return AdapterComparison(_largest_difference(ours, theirs), _limit(theirs), effect, "peft" if by_peft else "own")


def train_shortly(base: Base, rows: Sequence[Rendered], device: str) -> ShortTraining:
    """NUM_STEPS LoRA steps, all rows in each."""
    model = _model(base, device)
    attach_lora(model, METHOD, SEED)
    layout = LayoutSettings(LAYOUT_TOKENS, True, device)
    source = RowSource(rows, RowSampler(len(rows), len(rows), SEED), layout)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    schedule = make_schedule(Constant(), RATE_AT_1536 * 1536 / int(base.config["hidden_size"]), NUM_STEPS, 0.0)
    batches = micro_batches(rows, layout)
    frozen, before = _frozen_hash(model), validation_figures(model, sft.loss, batches)["loss"]
    steps = list(train_steps(model, source, sft.loss, optimizer, schedule, range(NUM_STEPS)))
    after = validation_figures(model, sft.loss, batches)["loss"]
    return ShortTraining(before, after, len(steps), _frozen_hash(model) == frozen)


def _model(base: Base, device: str) -> PreTrainedModel:
    return load_model(base.folder, dtype=torch.float32, device=device)


def _plain_model(base: Base, device: str) -> PreTrainedModel:
    """The model as transformers alone runs it."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    )
    return model.to(device).eval()


@torch.no_grad()
def _flat_logits(model: PreTrainedModel, rows: Sequence[Rendered]) -> tuple[list[Tensor], int]:
    """(T - 1, V) logits of every row from the flat layout, and how many tokens were computed for them."""
    found: dict[str, Tensor] = {}
    batches = lay_out(rows, LAYOUT_TOKENS, share=True, min_shared_tokens=MIN_SHARED_TOKENS)
    for batch in batches:
        there = batch.to(str(model.device))
        hidden_TD = hidden_states(model, there)
        for number, id in enumerate(batch.row_ids):
            pairs = there.row_pairs_Q[there.row_of_Q == number]
            found[id] = (hidden_TD[there.pair_positions_P[pairs]] @ head_weight(model).T).cpu()
    return [found[row.id] for row in rows], sum(batch.num_tokens for batch in batches)


@torch.no_grad()
def _plain_logits(model: PreTrainedModel, rows: Sequence[Rendered]) -> list[Tensor]:
    """(T - 1, V) logits of every row, each computed by itself."""
    ids = [torch.from_numpy(row.ids_T).long()[None].to(model.device) for row in rows]
    return [model(input_ids=ids_1T, use_cache=False).logits[0, :-1].cpu() for ids_1T in ids]


def _largest_difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    # torch's maximum keeps what is not a number, Python's may lose it
    return torch.stack([(a - b).abs().max() for a, b in zip(ours, theirs, strict=True)]).max().item()


def _limit(logits: Sequence[Tensor]) -> float:
    return max(MAX_DIFFERENCE, MAX_SHARE * torch.stack([logits_TV.abs().max() for logits_TV in logits]).max().item())


def _write_adapter(base: Base, rows: Sequence[Rendered], device: str, folder: Path) -> tuple[list[Tensor], float]:
    """The logits with a random adapter, which is saved, and how far it moves them."""
    model = _model(base, device)
    before, _ = _flat_logits(model, rows)
    attach_lora(model, METHOD, SEED)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.empty(layer.lora_b_SOR.shape).normal_(0.0, 0.1, generator=generator))
    save_adapter(model, METHOD, base.reference, folder)
    after, _ = _flat_logits(model, rows)
    return after, _largest_difference(after, before)


def _read_by_peft(base: Base, rows: Sequence[Rendered], device: str, folder: Path) -> list[Tensor]:
    from peft import PeftModel  # takes seconds to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft calls what transformers has renamed
        model = PeftModel.from_pretrained(_plain_model(base, device), folder)
    return _plain_logits(model, rows)


def _read_ourselves(base: Base, rows: Sequence[Rendered], device: str, folder: Path) -> list[Tensor]:
    model = _model(base, device)
    load_adapter(model, folder)
    return _flat_logits(model, rows)[0]


def _frozen_hash(model: PreTrainedModel) -> str:
    """SHA-256 over the weights that LoRA must not touch."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        if not parameter.requires_grad:
            digest.update(parameter.detach().cpu().contiguous().numpy())
    return digest.hexdigest()
