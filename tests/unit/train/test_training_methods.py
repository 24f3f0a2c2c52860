"""Each method trains a tiny model: the loss falls, its numbers and only those change, a resume is exact to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from flat_rows import three_levels
from killing import advance, digest, resumed, save
from tiny_models import make_model, random_row, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.dropout import set_attention_dropout
from tunesmith.model.load import load_model
from tunesmith.model.method import begin_method
from tunesmith.model.virtual import virtual_ids
from tunesmith.recipe import Freeze, Full, Lora, Method, Prefix, Prompt, is_four_bit
from tunesmith.recipe.optimizers import AdamW
from tunesmith.train.drive import validation_figures
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource, micro_batches
from tunesmith.train.step import train_steps

METHODS: dict[str, Method] = {
    "full": Full(),
    "freeze": Freeze(layers=1, patterns=("*norm*",)),
    "rslora": Lora(rank=4, alpha=4.0, rslora=True, layers=(0, 0)),
    "dora": Lora(rank=4, dora=True),
    "dropout": Lora(rank=4, dropout=0.2),
    "qlora": Lora(name="qlora", rank=4),
    "dora with dropout": Lora(rank=4, dora=True, dropout=0.2),
    "attention dropout": Full(),
    "prompt": Prompt(virtual_tokens=20),
    "prefix": Prefix(virtual_tokens=20),
}
# its library takes seconds to import
NAMES = [pytest.param(name, marks=pytest.mark.thorough) if name == "qlora" else name for name in METHODS]
RATES = {"full": 3e-3, "attention dropout": 3e-3, "freeze": 3e-3, "prompt": 0.05, "prefix": 0.1}
NUM_STEPS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), make_model("qwen3"))


def loaded(folder: Path, method: Method) -> PreTrainedModel:
    return load_model(folder, dtype=torch.float32, device="cpu", four_bit=is_four_bit(method))


def begun(folder: Path, method: Method) -> PreTrainedModel:
    model = loaded(folder, method)
    begin_method(model, method, seed=1)
    return model


def training(
    folder: Path, name: str, budget: int = 60
) -> tuple[PreTrainedModel, RowSource, FlatOptimizer, LayoutSettings]:
    model = begun(folder, METHODS[name])
    if name == "attention dropout":
        set_attention_dropout(model, 0.2)
        model.train()
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], 12) for n in range(6)]
    layout = LayoutSettings(budget, True, "cpu", virtual_ids(model))
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    return model, RowSource(rows, RowSampler(6, 4, seed=0), layout), optimizer, layout


def rate_of(name: str) -> float:
    return RATES.get(name, 2e-2)


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_and_only_the_methods_numbers_change(folder: Path, name: str) -> None:
    model, source, optimizer, layout = training(folder, name)
    rows = [random_row(np.random.default_rng(0), "0", [], 12)]
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    started = validation_figures(model, sft.loss, micro_batches(rows, layout))["loss"]
    list(train_steps(model, source, sft.loss, optimizer, lambda _: rate_of(name), range(NUM_STEPS)))
    ended = validation_figures(model, sft.loss, micro_batches(rows, layout))["loss"]
    print(f"{name}: loss {started:.2f} -> {ended:.2f}")
    assert ended < 0.9 * started
    changed = {key for key, parameter in model.named_parameters() if not torch.equal(parameter, before[key])}
    assert changed == {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    if not isinstance(METHODS[name], Full | Freeze):
        fresh = loaded(folder, METHODS[name]).state_dict()
        kept = {key: tensor for key, tensor in model.state_dict().items() if key in fresh}
        assert len(kept) == len(fresh)
        assert all(torch.equal(tensor, fresh[key]) for key, tensor in kept.items())


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_a_resume_is_exact_to_the_bit(folder: Path, tmp_path: Path, name: str) -> None:
    """A new model, stopped and begun anew after three steps, draws the same masks and takes the same steps."""

    def go(run: Path, until: int) -> str:
        torch.manual_seed(0)
        model, source, optimizer, _ = training(folder, name)
        progressed, _ = resumed(run, name, optimizer, source)
        steps = range(progressed.step, until)
        for report in train_steps(model, source, sft.loss, optimizer, lambda _: rate_of(name), steps):
            progressed = advance(progressed, report, source)
        save(run, name, progressed, optimizer)
        return digest(progressed, optimizer)

    whole = go(tmp_path / "whole", 6)
    go(tmp_path / "parts", 3)
    assert go(tmp_path / "parts", 6) == whole


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in METHODS if "dropout" not in name])
def test_micro_batches_do_not_change_loss_and_gradient(folder: Path, name: str) -> None:
    model = begun(folder, METHODS[name])
    with torch.no_grad():  # LoRA's second matrix is zero at first, and the gradient of the first one with it
        generator = torch.Generator().manual_seed(1)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    rows = three_levels(np.random.default_rng(5))

    def computed(budget: int, share: bool) -> tuple[float, Tensor]:
        model.zero_grad()
        total = 0.0
        for batch in micro_batches(rows, LayoutSettings(budget, share, "cpu", virtual_ids(model))):
            loss = sft.loss(model, batch)
            loss.sum.backward()
            total += loss.sum.item()
        return total, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    loss, gradient = computed(100_000, False)
    for budget, share in ((100_000, True), (200, True), (1, False)):
        other_loss, other = computed(budget, share)
        assert other_loss == pytest.approx(loss, rel=1e-5)
        assert ((other - gradient).norm() / gradient.norm()).item() < 1e-5


def test_virtual_tokens_are_no_tokens_of_the_rows(folder: Path) -> None:
    model, source, _, layout = training(folder, "prompt", budget=10_000)
    (batch,) = source.next_step()
    assert batch.num_row_tokens == 4 * 12
    assert (batch.ids_T >= len(model.get_input_embeddings().weight)).sum() == 20  # once for all four rows
    (alone,) = micro_batches([random_row(np.random.default_rng(0), "0", [], 12)], layout)
    assert alone.positions_T[alone.read_R].tolist() == [31]
