"""Every optimiser over flat buffers, five steps against its formula in double precision and against torch's own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tunesmith.errors import TunesmithError
from tunesmith.recipe.optimizers import Adam, AdamW, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.train.optimizer import FlatOptimizer, Penalties
from tunesmith.train.updates import orthogonalised

SHAPES = {
    "embed.weight": (9, 4),
    "layers.0.q.weight": (4, 6),
    "layers.0.norm.weight": (6,),
    "layers.0.up.weight": (7, 4),
    "layers.1.q.weight": (4, 6),
    "layers.1.up.weight": (7, 4),
    "norm.weight": (4,),
    "head.weight": (9, 4),
}
RATES = (0.1, 0.05, 0.2, 0.0, 0.1)
EVERY: list[AnyOptimizer] = [
    AdamW(weight_decay=0.1),
    Adam(l2=0.1),
    Sgd(l2=0.1),
    Sgd(momentum=0.0),
    Sgd(nesterov=True),
    RmsProp(l2=0.1),
    RmsProp(momentum=0.8, smoothing=0.9),
    Muon(weight_decay=0.1),
    Muon(nesterov=False),
]
STATEFUL: list[AnyOptimizer] = [*EVERY, AdamW8Bit(weight_decay=0.1)]
Array = NDArray[np.float64]
Update = Callable[[str, int, Array, Array], Array]
"""Name, step from 1, weight and gradient to the new weight, at rate 1 scaled by the caller's closure."""


def parameters(dtype: torch.dtype = torch.float32) -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return {name: nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for name, shape in SHAPES.items()}


def gradients(step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def make(trained: dict[str, nn.Parameter], settings: AnyOptimizer, **penalties: float) -> FlatOptimizer:
    return FlatOptimizer(trained.items(), settings, Penalties(**{"max_grad_norm": 1e9, **penalties}))


def take(flat: FlatOptimizer, trained: dict[str, nn.Parameter], grads: dict[str, Tensor], rate: float) -> Tensor:
    sum((trained[name] * grads[name].to(trained[name].dtype)).sum() for name in SHAPES).backward()  # type: ignore[union-attr]
    flat.collect()
    return flat.step(rate, weight=1.0)


class Written:
    """The formulas, one number after the other in double precision."""

    def __init__(self, settings: AnyOptimizer) -> None:
        self.settings = settings
        self.first: dict[str, Array] = {}
        self.second: dict[str, Array] = {}

    def __call__(self, name: str, step: int, w: Array, g: Array, rate: float) -> Array:
        s = self.settings
        is_matrix = w.ndim >= 2
        m, v = (store.get(name, np.zeros_like(w)) for store in (self.first, self.second))
        if isinstance(s, Adam | Sgd | RmsProp) and is_matrix:
            g = g + s.l2 * w
        if isinstance(s, Muon) and is_matrix and name.startswith("layers"):
            m = s.momentum * m + (1 - s.momentum) * g
            ahead = (1 - s.momentum) * g + s.momentum * m if s.nesterov else m
            new = w * (1 - rate * s.weight_decay) - rate * 0.2 * math.sqrt(max(w.shape)) * newton_schulz(ahead)
        elif isinstance(s, AdamW | Adam | Muon):
            m = s.beta1 * m + (1 - s.beta1) * g
            v = s.beta2 * v + (1 - s.beta2) * g * g
            decay = 0.0 if isinstance(s, Adam) or not is_matrix else s.weight_decay
            denominator = np.sqrt(v / (1 - s.beta2**step)) + s.epsilon
            new = w * (1 - rate * decay) - rate * m / (1 - s.beta1**step) / denominator
        elif isinstance(s, Sgd):
            m = s.momentum * m + g
            new = w - rate * (g + s.momentum * m if s.nesterov else m)
        else:
            v = s.smoothing * v + (1 - s.smoothing) * g * g
            m = s.momentum * m + g / (np.sqrt(v) + s.epsilon)
            new = w - rate * m
        self.first[name], self.second[name] = m, v
        return new


def newton_schulz(x: Array) -> Array:
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T).T
    x = x / np.linalg.norm(x)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x - 4.7750 * square @ x + 2.0315 * square @ square @ x
    return x


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_five_steps_of_the_formula(settings: AnyOptimizer) -> None:
    trained = parameters()
    flat = make(trained, settings)
    written = Written(settings)
    expected = {name: p.detach().double().numpy() for name, p in parameters().items()}
    for step, rate in enumerate(RATES, 1):
        grads = gradients(step)
        take(flat, trained, grads, rate)
        for name in SHAPES:
            expected[name] = written(name, step, expected[name], grads[name].double().numpy(), rate)
    for name, parameter in trained.items():
        np.testing.assert_allclose(parameter.detach().numpy(), expected[name], rtol=2e-4, atol=2e-5, err_msg=name)


def torchs(settings: AnyOptimizer, trained: dict[str, nn.Parameter]) -> list[torch.optim.Optimizer]:
    matrices, vectors = ([p for p in trained.values() if (p.ndim >= 2) == wanted] for wanted in (True, False))
    decay = settings.weight_decay if isinstance(settings, AdamW | Muon) else settings.l2
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    match settings:
        case AdamW():
            return [torch.optim.AdamW(groups, betas=(0.9, 0.99))]
        case Adam():
            return [torch.optim.Adam(groups, betas=(0.9, 0.99))]
        case Sgd(momentum=momentum, nesterov=nesterov):
            return [torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov)]
        case RmsProp(momentum=momentum, smoothing=smoothing):
            return [torch.optim.RMSprop(groups, alpha=smoothing, momentum=momentum)]
        case Muon(nesterov=nesterov):
            hidden = [p for name, p in trained.items() if name.startswith("layers") and p.ndim == 2]
            ends = [trained["embed.weight"], trained["head.weight"]]
            rest = [{"params": ends, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
            return [
                torch.optim.Muon(hidden, weight_decay=decay, nesterov=nesterov, adjust_lr_fn="match_rms_adamw"),
                torch.optim.AdamW(rest, betas=(0.9, 0.99)),
            ]


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_five_steps_of_torch(settings: AnyOptimizer) -> None:
    """Torch's Muon multiplies in bf16, ours too where the model is in bf16: compared there, by the masters."""
    dtype = torch.bfloat16 if isinstance(settings, Muon) else torch.float32
    ours = parameters(dtype)
    theirs = {name: nn.Parameter(p.detach().float()) for name, p in ours.items()}
    flat = make(ours, settings)
    references = torchs(settings, theirs)
    for step, rate in enumerate(RATES):
        grads = {name: grad.to(dtype).float() for name, grad in gradients(step).items()}
        take(flat, ours, grads, rate)
        for name, grad in grads.items():
            theirs[name].grad = grad
        for reference in references:
            for group in reference.param_groups:
                group["lr"] = rate
            reference.step()
    limit = 2**-7 if dtype == torch.bfloat16 else 1e-5
    for name in SHAPES:
        torch.testing.assert_close(ours[name].float(), theirs[name], rtol=limit, atol=limit, msg=name)


@pytest.mark.parametrize("settings", STATEFUL, ids=str)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_gradient_changes_nothing(settings: AnyOptimizer, bad: float) -> None:
    """Not even as the first one; and what follows goes on as if it had not been."""
    runs = []
    for disturbed in (False, True):
        trained = parameters()
        flat = make(trained, settings, l1=0.01)
        for step in range(3):
            if disturbed:
                before = {name: tensor.clone() for name, tensor in flat.state().items()}
                spoiled = gradients(50 + step)
                spoiled["layers.1.up.weight"][0, 0] = bad
                assert not take(flat, trained, spoiled, 0.1).isfinite()
                assert all(torch.equal(tensor, before[name]) for name, tensor in flat.state().items())
            take(flat, trained, gradients(step), 0.1)
        runs.append({name: tensor.clone() for name, tensor in flat.state().items()})
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


@pytest.mark.parametrize("settings", STATEFUL, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_its_state_is_all_there_is(settings: AnyOptimizer, dtype: torch.dtype) -> None:
    runs = []
    for restored in (False, True):
        trained = parameters(dtype)
        flat = make(trained, settings, layer_rate_decay=0.5)
        for step in range(4):
            if restored and step == 2:
                saved = {name: tensor.clone() for name, tensor in flat.state().items()}
                trained = parameters(dtype)
                flat = make(trained, settings, layer_rate_decay=0.5)
                flat.restore(saved)
            take(flat, trained, gradients(step), 0.1)
        runs.append([p.detach().clone() for p in trained.values()])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize("settings", [AdamW(weight_decay=0.0), Sgd(), RmsProp(), Muon(weight_decay=0.0)], ids=str)
def test_l1_is_the_proximal_step_after_the_update(settings: AnyOptimizer) -> None:
    plain, sparse = parameters(), parameters()
    take(make(plain, settings), plain, gradients(0), 0.1)
    take(make(sparse, settings, l1=5.0), sparse, gradients(0), 0.1)
    for name, parameter in sparse.items():
        w = plain[name].detach()
        expected = w.sign() * (w.abs() - 0.1 * 5.0).clamp(min=0.0) if w.ndim >= 2 else w
        torch.testing.assert_close(parameter.detach(), expected)
    assert (sparse["embed.weight"] == 0).any()


@pytest.mark.parametrize("settings", [AdamW(), Adam(l2=0.1), Sgd(), RmsProp(), Muon()], ids=str)
def test_layer_rates_are_those_of_smaller_steps(settings: AnyOptimizer) -> None:
    """Each parameter moves as it does when all take its layer's rate."""
    depths = {"embed": 2, "layers.0": 1, "layers.1": 0, "norm": 0, "head": 0}
    ours = parameters()
    flat = make(ours, settings, layer_rate_decay=0.5, l1=0.1)
    for step, rate in enumerate(RATES):
        take(flat, ours, gradients(step), rate)
    for prefix, depth in depths.items():
        alone = parameters()
        slow = make(alone, settings, l1=0.1)
        for step, rate in enumerate(RATES):
            take(slow, alone, gradients(step), rate * 0.5**depth)
        for name in SHAPES:
            if name.startswith(prefix):
                torch.testing.assert_close(ours[name], alone[name], rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.thorough
def test_newton_schulz_brings_singular_values_near_one() -> None:
    matrices = torch.randn(3, 40, 16, generator=torch.Generator().manual_seed(0))
    found = torch.linalg.svdvals(orthogonalised(matrices))
    assert 0.3 < found.min() <= found.max() < 1.3
    assert torch.linalg.svdvals(matrices).max() > 8


def test_what_cannot_work_is_refused() -> None:
    vectors = {"layers.0.norm": nn.Parameter(torch.ones(3)), "head.weight": nn.Parameter(torch.ones(3, 3))}
    with pytest.raises(TunesmithError) as failure:
        FlatOptimizer(vectors.items(), Muon())
    assert failure.value.code == "muon-no-matrices"
    with pytest.raises(TunesmithError) as failure:
        FlatOptimizer([("head", nn.Parameter(torch.ones(3)))], AdamW(), Penalties(layer_rate_decay=0.9))
    assert failure.value.code == "layer-rates-no-layers"
