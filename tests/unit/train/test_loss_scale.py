"""The scale of losses in float16: its rule against torch's GradScaler and written out, what it does to a step."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from test_drive import make_loop, make_training
from tiny_models import make_model, random_row, save_model
from torch import Tensor, nn

from tunesmith.artifacts import open_run, read_metrics
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.base_checks import check_device
from tunesmith.model.load import load_model
from tunesmith.model.method import begin_method
from tunesmith.recipe import Lora, Recipe
from tunesmith.recipe.optimizers import AdamW
from tunesmith.runtime import Runtime, Silent, utc_now
from tunesmith.train.drive import Driver
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.loss_scale import GROWTH_STEPS, START, LossScale, share_of
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import LossSum, train_steps

CPU = torch.device("cpu")


@pytest.mark.thorough
def test_the_rule_of_torchs_scaler() -> None:
    """Step by step over a growth, with gradients that overflow now and then."""
    weight = nn.Parameter(torch.ones(()))
    reference = torch.amp.GradScaler("cpu", init_scale=START, growth_interval=GROWTH_STEPS)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    scale = LossScale(CPU)
    bad = {0, 1, 5, 6, 2010}
    for step in range(GROWTH_STEPS + 20):
        weight.grad = None
        reference.scale(weight * (math.inf if step in bad else 1.0)).backward()
        reference.step(optimizer)
        reference.update()
        scale.update(torch.tensor(step not in bad))
        assert scale.factor.item() == reference.get_scale(), step


def test_the_rule_written_out() -> None:
    scale = LossScale(CPU)
    expected, num_sound = START, 0
    for step in range(GROWTH_STEPS + 500):
        sound = step not in (3, 4, 400)
        if sound:
            num_sound += 1
            if num_sound == GROWTH_STEPS:
                expected, num_sound = 2.0 * expected, 0
        else:
            expected, num_sound = 0.5 * expected, 0
        scale.update(torch.tensor(sound))
        assert scale.factor.item() == expected, step
        assert scale.state()["loss_scale_steps"].item() == num_sound, step


def test_a_loss_is_divided_by_a_power_of_two_of_its_weights_size() -> None:
    assert [share_of(weight) for weight in (0.0, 0.3, 1.0, 3.0, -100.0, 4000.0)] == [1.0, 1.0, 1.0, 4.0, 128.0, 4096.0]


def narrow() -> tuple[nn.Parameter, FlatOptimizer]:
    start = torch.linspace(-2.0, 2.0, 12).view(3, 4).to(torch.float16)
    parameter = nn.Parameter(start.clone())
    return parameter, FlatOptimizer([("w", parameter)], AdamW(weight_decay=0.1, epsilon=1e-10))


def gradient(step: int) -> Tensor:
    return torch.randn((3, 4), generator=torch.Generator().manual_seed(step)).to(torch.float16)


def test_updates_are_those_of_the_unscaled_gradients() -> None:
    """AdamW of torch on float32 masters; gradients far below float16's smallest number are not lost."""
    parameter, optimizer = narrow()
    master = nn.Parameter(parameter.detach().float())
    reference = torch.optim.AdamW([master], lr=1e-2, betas=(0.9, 0.99), eps=1e-10, weight_decay=0.1)
    for step in range(5):
        for part in range(2):
            grad = gradient(10 * step + part).float() * 2.0**-20
            optimizer.backward((parameter.float() * grad).sum(), weight=3.0)
            master.grad = grad / 6.0 if master.grad is None else master.grad + grad / 6.0
        optimizer.step(1e-2, weight=6.0)
        reference.step()
        reference.zero_grad()
        assert torch.equal(parameter, optimizer.master_N.view(3, 4).to(torch.float16))
        torch.testing.assert_close(optimizer.master_N.view(3, 4), master.detach(), rtol=1e-5, atol=1e-6)


def test_an_overflow_updates_nothing_and_halves_the_scale() -> None:
    parameter, optimizer = narrow()
    optimizer.backward((parameter.float() * gradient(0).float() * 2.0**-6).sum(), weight=1.0)
    optimizer.step(1e-2, weight=1.0)
    before = {name: tensor.clone() for name, tensor in optimizer.state().items()}
    kept = parameter.detach().clone()
    optimizer.backward((parameter.float() * 60_000.0).sum(), weight=1.0)
    assert not optimizer.step(1e-2, weight=1.0).isfinite()
    assert torch.equal(parameter, kept)
    after = optimizer.state()
    assert after.pop("loss_scale").item() == 0.5 * before.pop("loss_scale").item() == 0.5 * START
    assert (after.pop("loss_scale_steps").item(), before.pop("loss_scale_steps").item()) == (0.0, 1.0)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_resume_has_the_scale_that_it_had() -> None:
    def go(optimizer: FlatOptimizer, parameter: nn.Parameter, steps: range) -> None:
        for step in steps:
            size = 60_000.0 if step == 1 else 2.0**-6
            optimizer.backward((parameter.float() * gradient(step).float() * size).sum(), weight=1.0)
            optimizer.step(1e-2, weight=1.0)

    parameter, whole = narrow()
    go(whole, parameter, range(6))
    first, stopped = narrow()
    go(stopped, first, range(3))
    again, resumed = narrow()
    resumed.restore({name: tensor.clone() for name, tensor in stopped.state().items()})
    with torch.no_grad():
        again.copy_(first)
    go(resumed, again, range(3, 6))
    assert all(torch.equal(tensor, whole.state()[name]) for name, tensor in resumed.state().items())
    assert whole.state()["loss_scale"].item() == 0.5 * START


def test_other_precisions_have_no_scale() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        optimizer = FlatOptimizer([("w", nn.Parameter(torch.ones(2, 2, dtype=dtype)))], AdamW())
        assert optimizer.loss_scale is None
        assert "loss_scale" not in optimizer.state()


@pytest.mark.thorough
def test_a_model_in_float16_follows_the_one_in_float32(tmp_path: Path) -> None:
    """On a CPU, where the plain kernels compute float16."""
    folder = save_model(tmp_path, make_model("qwen3"))
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], 24) for n in range(6)]
    losses = {}
    for dtype in (torch.float32, torch.float16):
        model = load_model(folder, dtype=dtype, device="cpu")
        begin_method(model, Lora(rank=4), seed=1)
        optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
        if dtype == torch.float16:  # at the first scale the gradients of so small a model overflow
            optimizer.restore({**optimizer.state(), "loss_scale": torch.tensor(256.0)})
        source = RowSource(rows, RowSampler(6, 6, seed=0), LayoutSettings(60, True, "cpu"))
        steps = train_steps(model, source, sft.loss, optimizer, lambda _: 2e-2, range(6))
        losses[dtype] = [report.loss.item() for report in steps]
    print(losses)
    assert losses[torch.float16] == pytest.approx(losses[torch.float32], rel=1e-2)
    assert losses[torch.float16][-1] < 0.9 * losses[torch.float16][0]


def drive(folder: Path, scale: float, spoil: int) -> None:
    """Six steps in float16 whose gradients are made infinite at step `spoil`."""
    training = make_training()
    with open_run(folder, "", utc_now) as run, deferred_signals() as stop:
        loop = make_loop(training, folder)
        loop.model.half()
        loop.optimizer = FlatOptimizer(loop.model.named_parameters(), AdamW())
        loop.optimizer.restore({**loop.optimizer.state(), "loss_scale": torch.tensor(scale)})
        weight = loop.model.model.norm.weight

        def objective(model: object, batch: object) -> LossSum:
            loss = sft.loss(loop.model, batch)  # type: ignore[arg-type]
            bad = loop.source.state()["next_step"] == spoil
            # the loss stays what it was
            return LossSum(loss.sum + _Spoiled.apply(weight, bad), loss.weight, loss.metrics)

        loop.objective = objective
        Driver(training, loop, stop, Silent(), run, []).drive()


class _Spoiled(torch.autograd.Function):
    """0, with a gradient that is infinite where asked."""

    @staticmethod
    def forward(ctx: object, weight: Tensor, bad: bool) -> Tensor:
        ctx.bad, ctx.shape = bad, weight.shape  # type: ignore[attr-defined]
        return torch.zeros(())

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> tuple[Tensor, None]:
        value = math.inf if ctx.bad else 0.0  # type: ignore[attr-defined]
        return torch.full(ctx.shape, value, dtype=torch.float16), None  # type: ignore[attr-defined]


@pytest.mark.thorough
def test_the_driver_goes_on_behind_an_overflow(tmp_path: Path) -> None:
    drive(tmp_path, scale=64.0, spoil=3)
    told = [event.data for event in read_metrics(tmp_path)]
    assert [data["train/update_skipped"] for data in told] == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert [data["train/loss_scale"] for data in told] == [64.0, 64.0, 64.0, 32.0, 32.0, 32.0]
    assert told[2]["train/grad_norm"] == 0.0
    assert all(data["train/grad_norm"] > 0.0 for number, data in enumerate(told) if number != 2)


def test_the_driver_ends_where_no_scale_helps(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="loss-not-finite") as caught:
        drive(tmp_path, scale=1.0, spoil=3)
    assert caught.value.parameters["step"] == 3


@pytest.mark.parametrize(
    ("settings", "code"), [({"precision": "fp16"}, "fp16-device"), ({"compile": True}, "compile-device")]
)
def test_a_cpu_is_refused(settings: dict[str, object], code: str, tmp_path: Path) -> None:
    sections = {"model": {"base": "builtin:tiny"}, "prepare": {"sources": "rows.jsonl"}}
    recipe = Recipe.model_validate({"name": "a", **sections, "train": {}, "variants": {"other": settings}})
    runtime = Runtime(workspace=tmp_path, cache=tmp_path)
    with pytest.raises(TunesmithError, match=code):
        check_device(Job(recipe, runtime, Silent()))
    check_device(Job(recipe, Runtime(workspace=tmp_path, cache=tmp_path, device="cuda"), Silent()))


def test_layers_that_cannot_be_compiled_are_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "base", make_model("qwen2_moe"))
    recipe = Recipe.model_validate(
        {
            "name": "a",
            "model": {"base": str(folder)},
            "prepare": {"sources": "rows.jsonl"},
            "train": {"compile": True},
        }
    )
    with pytest.raises(TunesmithError, match="compile-architecture"):
        check_device(Job(recipe, Runtime(workspace=tmp_path, cache=tmp_path, device="cuda"), Silent()))
