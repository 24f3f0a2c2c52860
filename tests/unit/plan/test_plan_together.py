"""What trainings in one pass need, against what autograd keeps of such a pass and what their optimisers hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import make_model, random_row, save_model
from torch import Tensor

from tunesmith.model.base import find_base
from tunesmith.model.layout import lay_out
from tunesmith.model.load import load_model
from tunesmith.model.members import Members
from tunesmith.plan import together as planned
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import Computation, member_bytes, saved_bytes, train_terms
from tunesmith.plan.steps import StepShapes, batch_shapes, fuses_attention
from tunesmith.plan.together import MAX_TOGETHER, group_peaks
from tunesmith.recipe import Full, Lora, Train
from tunesmith.recipe.optimizers import AnyOptimizer, Sgd
from tunesmith.records import Rendered
from tunesmith.train import together
from tunesmith.train.optimizer import FlatOptimizer

LORA = Lora(rank=4)


def rows_of(*lengths: int) -> list[Rendered]:
    random = np.random.default_rng(0)
    return [random_row(random, str(number), [], length) for number, length in enumerate(lengths)]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_model(tmp_path, make_model("qwen2", num_hidden_layers=3, intermediate_size=160))


def computation(base: Path, section: Train, precision: str = "fp32") -> Computation:
    return Computation(geometry_of(find_base(str(base))), section, precision, "cpu")


def steps_of(job: Computation, rows: list[Rendered]) -> StepShapes:
    shapes = batch_shapes(rows, job.section, job.micro_batch_tokens, is_fused=fuses_attention(job.geometry, "cpu"))
    return StepShapes((shapes,), {}, (), 1, 0, 0, float(shapes[0].num_tokens))


def test_what_is_repeated_to_spare_an_import_is_that_of_training() -> None:
    assert planned.PASS_BYTES == together.PASS_BYTES


@pytest.mark.thorough
def test_a_pass_of_several_keeps_what_is_foreseen(base: Path) -> None:
    rows, num = rows_of(60, 61, 90, 120), 3
    model = load_model(base, dtype=torch.float32, device="cpu").train()
    shared, names = Members(model), [str(number) for number in range(num)]
    for name in names:
        with shared.joining(name, LORA, int(name)):
            pass
    (batch,) = lay_out(rows, 100_000, share=True)
    storages: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        together._losses(shared, names, batch, [0.0] * num)
    known = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept = sum(tensor.untyped_storage().nbytes() for place, tensor in storages.items() if place not in known)
    job = computation(base, Train(method=LORA))
    (shape,) = batch_shapes(rows, job.section, job.micro_batch_tokens, is_fused=fuses_attention(job.geometry, "cpu"))
    adapters = num * 4 * job.num_trained
    assert saved_bytes(job, planned._times(shape, num)) + adapters == pytest.approx(kept, rel=0.1)


@pytest.mark.parametrize("settings", [None, Sgd(momentum=0.9)], ids=str)
def test_each_member_holds_what_its_optimiser_does(base: Path, settings: AnyOptimizer | None) -> None:
    section = Train(method=LORA) if settings is None else Train(method=LORA, optimizer=settings, learning_rate=1e-3)
    job, model = computation(base, section), load_model(base, dtype=torch.float32, device="cpu")
    shared = Members(model)
    with shared.joining("one", LORA, 0):
        optimizer = FlatOptimizer(model.named_parameters(), section.optimizer)
        held = sum(tensor.nbytes for tensor in optimizer.state().values() if tensor.ndim)  # adapter and moments
    assert member_bytes(job) == held + 2 * 4 * job.num_trained  # and gradients, and the copy of a pass


def test_peaks_grow_with_the_members_and_by_no_more_than_trainings_by_themselves(base: Path) -> None:
    job = computation(base, Train(method=LORA))
    steps = steps_of(job, rows_of(60, 90))
    alone, peaks = sum(train_terms(job, steps).values()), group_peaks(job, steps)
    assert len(peaks) == MAX_TOGETHER
    assert peaks[0] == alone
    assert peaks == sorted(peaks)
    assert all(peak <= num * alone for num, peak in enumerate(peaks, 1))
    # a micro-batch that fills its budget by itself is computed for one member after the other
    full = computation(base, Train(method=LORA, micro_batch_tokens=256))
    steps = steps_of(full, rows_of(250))
    first, second, *_ = group_peaks(full, steps)
    assert second - first == member_bytes(full)


def test_a_method_that_shares_no_base_has_none(base: Path) -> None:
    job = computation(base, Train(method=Full()))
    assert group_peaks(job, steps_of(job, rows_of(60))) == []
