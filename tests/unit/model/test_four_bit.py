"""A base in 4 bits: NF4 against its definition, gradients and five steps against plain torch on unpacked weights."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from tiny_models import make_model, save_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.errors import TunesmithError
from tunesmith.model import fits, four_bit
from tunesmith.model.base import find_base
from tunesmith.model.fits import refuse_unfit
from tunesmith.model.four_bit import FourBitLinear, FourBitWeight
from tunesmith.model.load import load_model
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method
from tunesmith.model.score import load_with_head
from tunesmith.plan import memory
from tunesmith.plan.memory import four_bit_bytes
from tunesmith.recipe import Lora
from tunesmith.recipe.optimizers import Sgd
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer, Penalties
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

METHOD = Lora(name="qlora", rank=4, alpha=8.0)
pytestmark = pytest.mark.thorough  # the library takes seconds to import


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def quantiles_of_a_normal() -> NDArray[np.float64]:
    """The 16 levels of NF4 (Dettmers et al. 2023, appendix E): quantiles of a normal, 8 above 0 and 7 below, and 0."""
    offset = 0.9677083
    above = norm.ppf(np.linspace(offset, 0.5, 9)[:-1])
    below = -norm.ppf(np.linspace(offset, 0.5, 8)[:-1])
    levels = np.sort(np.concatenate([above, [0.0], below]))
    scaled: NDArray[np.float64] = levels / levels.max()
    return scaled


def test_numbers_become_the_nearest_level_of_nf4_times_the_scale_of_their_block() -> None:
    weight = drawn(96, 130) * torch.linspace(0.1, 4.0, 130)
    found = FourBitWeight.of(weight).whole()
    assert (found.shape, found.dtype) == (weight.shape, weight.dtype)
    levels = quantiles_of_a_normal()
    for block, packed in zip(weight.flatten().split(64), found.flatten().split(64), strict=True):
        scale = packed.abs().max().item()  # the largest is at 1 or -1 on this scale, which is quantised too
        assert scale == pytest.approx(block.abs().max().item(), rel=0.05, abs=0.02)
        nearest = np.abs((block.numpy() / block.abs().max().item())[:, None] - levels).argmin(1)
        assert packed.numpy() == pytest.approx(levels[nearest] * scale, abs=2e-3 * scale)


def test_it_takes_half_a_byte_a_number_and_a_byte_a_block() -> None:
    for shape in ((96, 130), (64, 64), (7, 5), (512, 300)):
        state = FourBitWeight.of(drawn(*shape)).state
        held = FourBitWeight.of(drawn(*shape)).packed.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes
        assert four_bit_bytes(shape[0] * shape[1]) == pytest.approx(held, abs=1)
    assert memory.FOUR_BIT_BLOCK == four_bit.BLOCK


def test_product_and_gradient_are_those_of_the_unpacked_weight() -> None:
    bias = nn.Parameter(drawn(96, seed=1))
    layer = FourBitLinear(FourBitWeight.of(drawn(96, 130)), bias)
    weight = layer.weight.whole()
    x, upstream = drawn(2, 5, 130, seed=2).requires_grad_(), drawn(2, 5, 96, seed=3)
    expected = x @ weight.T + bias
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    (ours,) = torch.autograd.grad(layer(x), x, upstream)
    torch.testing.assert_close(ours, upstream @ weight, rtol=1e-5, atol=1e-5)


def unpacked_twin(folder: Path) -> PreTrainedModel:
    """transformers' model with every matrix of its layers replaced by what 4 bits make of it."""
    twin: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for name, module in twin.named_modules():
        if isinstance(module, nn.Linear) and ".layers." in name:
            module.weight.data = FourBitWeight.of(module.weight.data).whole()
    return twin.requires_grad_(False).eval()


@pytest.fixture
def rows() -> list[Rendered]:
    random = np.random.default_rng(2)
    found = []
    for number in range(8):
        ids = random.integers(0, 200, 20 + number).astype(np.int32)
        weights = (random.random(len(ids)) < 0.5).astype(np.float32)
        weights[0], weights[-1] = 0.0, 1.0
        found.append(Rendered(str(number), ids, weights))
    return found


class WrittenOut(nn.Module):
    """W x + b + alpha / rank * B A x; with DoRA its direction, at a length of its own."""

    def __init__(self, base: nn.Linear, ours: LoraLinear) -> None:
        super().__init__()
        self.base = base
        self.a, self.b = (nn.Parameter(p[0].detach().clone()) for p in (ours.lora_a_SRI, ours.lora_b_SOR))
        self.magnitudes = nn.ParameterList(m.detach().clone() for m in ours.magnitudes)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.base.weight + METHOD.alpha / METHOD.rank * self.b @ self.a
        if self.magnitudes:
            weight = weight * (self.magnitudes[0] / weight.detach().norm(dim=1))[:, None]
        return nn.functional.linear(x, weight, self.base.bias)


def mean_loss(model: nn.Module, rows: list[Rendered]) -> Tensor:
    """Over the supervised tokens of all rows, one row at a time."""
    sums = []
    for row in rows:
        ids = torch.from_numpy(row.ids_T).long()
        losses = nn.functional.cross_entropy(model(ids[None]).logits[0, :-1], ids[1:], reduction="none")
        sums.append((losses * torch.from_numpy(row.weights_T[1:])).sum())
    total: Tensor = torch.stack(sums).sum() / sum(float(row.weights_T[1:].sum()) for row in rows)
    return total


@pytest.mark.parametrize("dora", [False, True])
def test_five_steps_on_the_embedded_base_are_those_of_plain_torch(rows: list[Rendered], dora: bool) -> None:
    base, method = find_base("builtin:tiny"), METHOD.model_copy(update={"dora": dora})
    model = load_model(base.folder, dtype=torch.float32, device="cpu", four_bit=True)
    begin_method(model, method, seed=1)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear)}
    assert len(layers) == 7 * base.config["num_hidden_layers"]
    twin = unpacked_twin(base.folder)
    for name, layer in layers.items():
        linear = twin.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        twin.set_submodule(name, WrittenOut(linear, layer))
    trained = [parameter for parameter in twin.parameters() if parameter.requires_grad]
    # Adam would turn rounding of gradients near 0 into steps
    theirs = torch.optim.SGD(trained, lr=0.05, momentum=0.9)
    source = RowSource(rows, RowSampler(8, 8, seed=0), LayoutSettings(1000, True, "cpu"))
    optimizer = FlatOptimizer(model.named_parameters(), Sgd(momentum=0.9), Penalties(max_grad_norm=1e9))
    for report in train_steps(model, source, sft.loss, optimizer, lambda _: 0.05, range(5)):
        theirs.zero_grad()
        loss = mean_loss(twin, rows)
        loss.backward()
        theirs.step()
        assert report.loss_sum.item() / report.weight == pytest.approx(loss.item(), rel=1e-5)
    for name, layer in layers.items():
        reference = twin.get_submodule(name)
        assert isinstance(reference, WrittenOut)
        for found, expected in ((layer.lora_a_SRI[0], reference.a), (layer.lora_b_SOR[0], reference.b)):
            assert (found - expected).norm() < 1e-5 * expected.norm()
        assert reference.b.abs().max() > 1e-3


def test_only_the_matrices_of_the_layers_are_packed_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    folder = save_model(tmp_path, make_model("qwen2"))
    plain = load_model(folder, dtype=torch.float32, device="cpu")
    model = load_model(folder, dtype=torch.float32, device="cpu", four_bit=True)
    packed = {name for name, module in model.named_modules() if isinstance(module, FourBitLinear)}
    assert packed == {n for n, m in plain.named_modules() if isinstance(m, nn.Linear) and n != "lm_head"}
    before = dict(plain.named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert not parameter.requires_grad
    assert before.keys() - dict(model.named_parameters()).keys() == {f"{name}.weight" for name in packed}
    head = Head(kind="classification", classes=("a", "b"))
    scored = load_with_head(folder, head, dtype=torch.float32, device="cpu", four_bit=True)
    assert {name for name, module in scored.named_modules() if isinstance(module, FourBitLinear)} == packed


def test_no_unpacked_weight_outlives_its_product(tmp_path: Path) -> None:
    """What autograd keeps of a step holds no matrix of the base."""
    model = load_model(save_model(tmp_path, make_model("qwen2")), dtype=torch.float32, device="cpu", four_bit=True)
    begin_method(model, Lora(name="qlora", rank=2, targets=("q_proj",)), seed=0)
    shapes = {tuple(m.state.shape) for m in packed_weights(model)}
    kept: list[tuple[int, ...]] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.arange(30)[None]).logits.sum()
    assert kept
    assert not shapes & {shape for found in kept for shape in (found, found[::-1])}


def packed_weights(model: nn.Module) -> list[FourBitWeight]:
    layers = [module for module in model.modules() if isinstance(module, FourBitLinear | LoraLinear)]
    return [layer.weight for layer in layers if isinstance(layer.weight, FourBitWeight)]


def test_the_files_are_closed_once_the_base_is_packed(tmp_path: Path) -> None:
    folder = save_model(tmp_path, make_model("qwen2"))
    model = load_model(folder, dtype=torch.float32, device="cpu", four_bit=True)
    gc.collect()
    assert str(folder / "model.safetensors") not in Path("/proc/self/maps").read_text()
    assert packed_weights(model)


def test_without_the_library_it_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(fits, "find_spec", lambda name: None if name == "bitsandbytes" else there(name))
    base = find_base("builtin:tiny")
    refuse_unfit(base, Lora())
    with pytest.raises(TunesmithError) as caught:
        refuse_unfit(base, METHOD)
    assert caught.value.code == "qlora-library"
    for language in ("en", "zh"):
        assert "pip install 'tunesmith[qlora]'" in str(caught.value.hint(language))
