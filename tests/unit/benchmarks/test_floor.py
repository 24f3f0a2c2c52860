"""The list of a step's matrix products against formulas written out, and against what torch counts on a real step."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmarks.floor import (
    HEAD_ROWS,
    Geometry,
    Product,
    Shape,
    floor_steps,
    flops_of,
    products,
    products_of_rows,
    read_geometry,
    seconds_of,
    time_shape,
)
from benchmarks.training_inputs import make_inputs
from benchmarks.training_job import TrainingJob
from benchmarks.training_rows import MedicalRows
from tunesmith.model.layout import lay_out
from tunesmith.model.load import load_model
from tunesmith.model.lora import attach_lora
from tunesmith.recipe import Lora
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft

QWEN_HALF_BILLION = Geometry(
    num_layers=24,
    hidden_size=896,
    inner_size=4864,
    num_heads=14,
    num_key_heads=2,
    head_size=64,
    vocab_size=151_936,
)
RANK = 4


def test_work_is_that_of_the_formulas() -> None:
    # the frozen weights and the adapters of the published model, counted by hand
    in_attention = 896 * 896 + 2 * 896 * 128 + 896 * 896
    num_frozen = 24 * (in_attention + 3 * 896 * 4864)
    sums = 2 * (896 + 896) + 2 * (896 + 128) + 3 * (896 + 4864)
    num_adapter = 24 * 16 * sums
    assert num_frozen == 357_826_560
    assert num_adapter == 8_798_208
    lengths, num_pairs = [700, 1024, 300, 1024], 2600
    num_tokens = sum(lengths)
    # nothing below the first layer's queries, keys and values is trained
    unneeded = 2 * num_tokens * (896 * 896 + 2 * 896 * 128 + 3 * 896 * 16)
    linear = 4 * num_frozen * num_tokens + 6 * num_adapter * num_tokens - unneeded
    head = 4 * 896 * 151_936 * num_pairs
    attention = 24 * sum(6 * 2 * 14 * 64 * length * (length + 1) / 2 for length in lengths)
    counted = flops_of(products(QWEN_HALF_BILLION, lengths, num_pairs, rank=16))
    assert counted == pytest.approx(linear + head + attention, rel=1e-12)


def small_model(folder: Path) -> Path:
    torch.manual_seed(0)
    # a head size that only matrix products compute, which torch counts
    config = Qwen2Config(
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        vocab_size=64,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def rows_of(lengths: list[int], num_unsupervised: int) -> list[Rendered]:
    generator = np.random.default_rng(0)
    return [
        Rendered(
            str(index),
            generator.integers(1, 64, length).astype(np.int32),
            (np.arange(length) >= num_unsupervised).astype(np.float32),
        )
        for index, length in enumerate(lengths)
    ]


def flops_of_addmm(_: object, left: tuple[int, int], right: tuple[int, int], **__: object) -> int:
    """Torch's counter leaves out products that are added in place."""
    return 2 * left[0] * left[1] * right[1]


@pytest.mark.thorough
def test_work_is_what_torch_counts_on_a_step(tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    model = load_model(folder, dtype=torch.float32, device="cpu")
    attach_lora(model, Lora(rank=RANK, alpha=8.0), seed=0)
    # whole units of the layout, 64 tokens and 32 pairs, so that nothing is filled up
    rows = rows_of([16, 16, 48, 48], num_unsupervised=8)
    (batch,) = lay_out(rows, 1000, share=False)
    assert (batch.num_filler_tokens, batch.pair_targets_P.numel()) == (0, 96)
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: flops_of_addmm}) as counter:
        sft.loss(model, batch).sum.backward()  # type: ignore[no-untyped-call]
    listed = products_of_rows(read_geometry(folder), rows, RANK)
    # torch counts whole score matrices where the list counts what lies on and below the diagonal
    whole = sum(product.flops / product.share for product in listed)
    assert counter.get_total_flops() == whole
    assert flops_of(listed) < whole


def test_the_head_keeps_few_logits_at_once() -> None:
    listed = products(QWEN_HALF_BILLION, [4096], 2 * HEAD_ROWS + 7, rank=16)
    head = [product for product in listed if product.name.startswith("logits")]
    assert [(product.shape.rows, product.count) for product in head] == [(HEAD_ROWS, 2), (HEAD_ROWS, 2), (7, 1), (7, 1)]


def test_operands_lie_as_in_the_step() -> None:
    """Every operand is either kept by the forward pass or made by the backward pass; none is copied."""
    listed = products(QWEN_HALF_BILLION, [64], 32, rank=16)
    by_name = {product.name: product.shape for product in listed}
    assert by_name["gate"] == Shape(64, 896, 4864, right_transposed=True)
    assert by_name["gate input gradient"] == Shape(64, 4864, 896)
    assert by_name["gate B gradient"] == Shape(4864, 64, 16, left_transposed=True)
    assert by_name["gate A gradient"] == Shape(16, 64, 896, left_transposed=True)
    assert by_name["scores of 64"] == Shape(7 * 64, 64, 64, right_transposed=True, batch=2)
    assert by_name["keys gradient of 64"] == Shape(64, 7 * 64, 64, left_transposed=True, batch=2)


@pytest.mark.parametrize(
    ("left_transposed", "right_transposed", "batch"), itertools.product([False, True], [False, True], [1, 3])
)
def test_every_kind_of_product_can_be_timed(left_transposed: bool, right_transposed: bool, batch: int) -> None:
    shape = Shape(5, 6, 7, left_transposed, right_transposed, batch)
    assert shape.flops == 2 * 5 * 6 * 7 * batch
    assert 0.0 < time_shape(shape, torch.float32, "cpu") < 1.0


def test_the_floor_adds_up_counts_and_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.floor.time_shape", lambda shape, dtype, device: shape.rows / 10)
    listed = [Product("a", Shape(2, 1, 1), 3), Product("b", Shape(2, 1, 1), 1), Product("c", Shape(8, 1, 1), 2, 0.5)]
    assert seconds_of(listed, torch.float32, "cpu") == pytest.approx(0.2 * 4 + 0.8 * 2 * 0.5)


def test_a_worker_tells_the_floor_of_its_rows(tmp_path: Path) -> None:
    inputs = make_inputs("smoke", MedicalRows(num_rows=3, file=tmp_path / "absent"), 64, tmp_path)
    job = TrainingJob(
        str(inputs.model), str(inputs.adapter), str(inputs.rows), "fp32", num_threads=1, max_steps=2, rows_per_step=2
    )
    first, second = floor_steps(job)
    assert first.seconds > 0.0
    assert (first.num_tokens, second.num_tokens) == (128, 128)
