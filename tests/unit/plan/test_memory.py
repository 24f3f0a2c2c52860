"""The terms of memory against what autograd says it keeps, and against the sizes of the tensors themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bases import ENCODERS, FIRST_ID, make_encoder, make_gpt2, save_base
from tiny_models import MIXTURES, make_model, random_row, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.engine import local
from tunesmith.model import head, layout
from tunesmith.model.base import find_base
from tunesmith.model.dropout import attach_dropout, set_attention_dropout
from tunesmith.model.four_bit import FourBitLinear
from tunesmith.model.layout import lay_out
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.model.lora import attach_lora
from tunesmith.model.method import begin_method
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.plan import memory, steps, work
from tunesmith.plan.constants import FITTED
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import Computation, load_terms, save_terms, saved_bytes, state_bytes
from tunesmith.plan.steps import StepShapes, batch_shapes, fuses_attention, one_document
from tunesmith.recipe import Classification, Full, Lora, Sft, Train
from tunesmith.recipe.optimizers import Adam, AdamW, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.records import Rendered
from tunesmith.train import eight_bit, updates
from tunesmith.train.objectives import classification, sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.step import Objective

LENGTHS = {
    "small": (60, 61, 90, 120),
    "short": (130, 200, 210),
    "long": (400, 520),
    "mixed": (50, 300, 301, 500),
    "whole": (320, 320),
    "one": (704,),
}


def test_sizes_that_are_repeated_to_spare_an_import_are_those_of_the_engine() -> None:
    assert memory.HEAD_PAIRS == head.CHUNK_PAIRS
    assert memory.GENERATION_TOKENS == local.MAX_BATCH_TOKENS
    assert steps.TOKENS_UNIT == layout.TOKENS_UNIT
    assert memory.MUON_TOGETHER == updates.MAX_TOGETHER
    assert work.MUON_ITERATIONS == updates.NUM_ITERATIONS
    assert (memory.EIGHT_BIT_BLOCK, memory.EIGHT_BIT_TOGETHER) == (eight_bit.BLOCK, eight_bit.TOGETHER)


def test_products_stay_compiled_for_each_size_of_a_micro_batch_up_to_the_caches_capacity(tmp_path: Path) -> None:
    geometry = geometry_of(find_base(str(save_model(tmp_path, make_model("llama")))))

    def products(method: Full | Lora, precision: str, num_sizes: int, num_short: int = 0, num_long: int = 0) -> float:
        job = Computation(geometry, Train(method=method), precision, "cpu")
        shapes = StepShapes((), {}, (), num_sizes, num_short, num_long, 0.0)
        return save_terms(job, shapes)["products"] / FITTED["cpu"].product_bytes

    shapes = {(128, 64), (64, 64), (64, 128), (96, 64), (64, 96)}  # of q, k and v, o, gate and up, down
    assert products(Full(), "bf16", 2) == 2 * 3 * len(shapes)
    assert products(Lora(targets=("q_proj", "v_proj")), "bf16", 1) == 2 * len(shapes) + 3 * len({64}) + 3 * len(
        {128, 64}
    )
    assert products(Full(), "bf16", 2, 7, 5) == 2 * 3 * len(shapes) + 7 * 4 + 5 * 6
    assert products(Full(), "bf16", 10_000) == 1024
    assert products(Full(), "fp32", 2, 7) == 0


def test_a_cpu_keeps_a_gibibyte_of_activations_at_once_and_a_gpu_as_many_tokens_as_ever(tmp_path: Path) -> None:
    geometry = geometry_of(find_base(str(save_model(tmp_path, make_model("llama")))))

    def tokens_of(num_layers: int, device: str = "cpu", **settings: int) -> tuple[int, Computation]:
        job = Computation(replace(geometry, num_layers=num_layers), Train(method=Full(), **settings), "fp32", device)
        return job.micro_batch_tokens, job

    assert tokens_of(2)[0] == 16384
    assert tokens_of(100_000)[0] == 1024
    for num_layers in (40, 55, 80):
        tokens, job = tokens_of(num_layers)
        assert 1024 < tokens < 16384
        assert saved_bytes(job, one_document(tokens)) <= 1 << 30 < saved_bytes(job, one_document(tokens + 256))
    assert tokens_of(100_000, "cuda")[0] == 16384
    assert tokens_of(100_000, micro_batch_tokens=7777)[0] == 7777


@pytest.mark.thorough
def test_whole_scores_take_as_many_different_products_for_each_shape_as_are_foreseen(tmp_path: Path) -> None:
    model = load_model(save_model(tmp_path, make_model("llama")), dtype=torch.float32, device="cpu").train()
    random = np.random.default_rng(0)
    rows = [random_row(random, str(number), [], num) for number, num in enumerate((200, 200, 130, 400))]
    section = Train(method=Full())
    (shape,) = batch_shapes(
        rows, section, 16384, is_fused=fuses_attention(geometry_of(find_base(str(tmp_path))), "cpu")
    )
    assert (len(shape.short_shapes), shape.long_shapes) == (2, {(400, 400)})
    (batch,) = lay_out(rows, 100_000, share=section.shares_prefixes)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, record_shapes=True) as profile:
        sft.loss(model, batch).sum.backward()
    batched = [event for event in profile.events() if event.name in ("aten::baddbmm", "aten::bmm")]
    different = {(event.name, str(event.input_shapes)) for event in batched}
    assert len(different) == memory.SHORT_PRODUCTS * len(shape.short_shapes)


def kept_bytes(
    model: PreTrainedModel,
    rows: list[Rendered],
    section: Train,
    objective: Objective = sft.loss,
    *,
    causal: bool = True,
) -> int:
    """Bytes of all storages that autograd keeps for the backward pass, weights left out, each once."""
    (batch,) = lay_out(rows, 100_000, share=section.shares_prefixes, is_causal=causal)
    storages: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        objective(model, batch)
    known = [*model.parameters(), *model.buffers(), batch.ids_T, batch.positions_T]
    weights = {tensor.untyped_storage().data_ptr() for tensor in known}
    return sum(t.untyped_storage().nbytes() for place, t in storages.items() if place not in weights)


@pytest.mark.thorough
def test_dropout_keeps_a_number_of_each_part_and_a_flag_of_each_adapters_input(tmp_path: Path) -> None:
    folder = save_model(tmp_path, make_model("qwen2", num_hidden_layers=3, intermediate_size=160))
    section = Train(method=Lora(rank=4, dropout=0.2), dropout=0.1)
    model = load_model(folder, dtype=torch.float32, device="cpu").train()
    attach_lora(model, Lora(rank=4, dropout=0.2), 0)
    attach_dropout(model, 0.1)
    model.train()
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], num) for n, num in enumerate(LENGTHS["small"])]
    geometry = geometry_of(find_base(str(folder)))
    (shape,) = batch_shapes(rows, section, 16384, is_fused=fuses_attention(geometry, "cpu"))
    plain = saved_bytes(Computation(geometry, Train(method=Lora(rank=4)), "fp32", "cpu"), shape)
    found = saved_bytes(Computation(geometry, section, "fp32", "cpu"), shape)
    assert found == pytest.approx(kept_bytes(model, rows, section), rel=0.02)
    assert found > 1.1 * plain


@pytest.mark.thorough
@pytest.mark.parametrize("lengths", LENGTHS)
def test_attention_with_dropout_keeps_each_score_and_its_factor(tmp_path: Path, lengths: str) -> None:
    folder = save_model(tmp_path, make_model("qwen2", num_hidden_layers=3, intermediate_size=160))
    section = Train(method=Full(), attention_dropout=0.1)
    model = load_model(folder, dtype=torch.float32, device="cpu")
    set_attention_dropout(model, 0.1)
    model.train()
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], num) for n, num in enumerate(LENGTHS[lengths])]
    geometry = geometry_of(find_base(str(folder)))
    (shape,) = batch_shapes(rows, section, 16384, is_fused=fuses_attention(geometry, "cpu"))
    found = saved_bytes(Computation(geometry, section, "fp32", "cpu"), shape)
    assert found == pytest.approx(kept_bytes(model, rows, section), rel=0.02)


@pytest.mark.parametrize(
    "settings",
    [AdamW(), AdamW8Bit(), Adam(), Sgd(), Sgd(momentum=0.0), RmsProp(), RmsProp(momentum=0.5), Muon()],
    ids=str,
)
def test_a_checkpoint_holds_the_numbers_and_the_moments_of_its_optimiser(
    tmp_path: Path, settings: AnyOptimizer
) -> None:
    model = make_model("llama")
    geometry = geometry_of(find_base(str(save_model(tmp_path, model))))
    section = Train(method=Full(), optimizer=settings, learning_rate=1e-3)
    tensors = FlatOptimizer(model.named_parameters(), settings).state().values()
    held = sum(tensor.nbytes for tensor in tensors if tensor.ndim)  # counts of steps have no dimension
    # eight bits: the last block of each part is filled up
    slack = 2 * 2 * memory.EIGHT_BIT_BLOCK if isinstance(settings, AdamW8Bit) else 0
    assert held - slack <= state_bytes(Computation(geometry, section, "fp32", "cpu")) <= held


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize(
    "method",
    [Full(), Lora(rank=4), Lora(rank=4, targets=("q_proj", "v_proj")), Lora(rank=4, layers=(1, 2))],
    ids=str,
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_activations_are_what_autograd_keeps(
    tmp_path: Path, architecture: str, method: Full | Lora, precision: str, lengths: str
) -> None:
    folder = save_model(tmp_path, make_model(architecture, num_hidden_layers=3, intermediate_size=160))
    model = load_model(folder, dtype=compute_dtype(precision), device="cpu")
    if isinstance(method, Lora):
        attach_lora(model, method, 0)
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], num) for n, num in enumerate(LENGTHS[lengths])]
    section = Train(method=method)
    geometry = geometry_of(find_base(str(folder)))
    (shape,) = batch_shapes(rows, section, 16384, is_fused=fuses_attention(geometry, "cpu"))
    job = Computation(geometry, section, precision, "cpu")
    assert saved_bytes(job, shape) == pytest.approx(kept_bytes(model, rows, section), rel=0.02)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    assert job.num_trained == optimizer.master_N.numel()


@pytest.mark.thorough
@pytest.mark.parametrize("method", [Full(), Lora(rank=4)], ids=str)
@pytest.mark.parametrize("name", ["gpt2", "llama", *ENCODERS])
def test_activations_of_gpt2_and_of_models_with_a_head(tmp_path: Path, name: str, method: Full | Lora) -> None:
    """All but GPT-2 have a head in place of the language model's; its few numbers a row are left out of account."""
    wide = {"n_layers": 3, "hidden_dim": 256} if name == "distilbert" else {"num_hidden_layers": 3}
    if name == "llama":
        folder = save_model(tmp_path, make_model(name, intermediate_size=160, **wide))
    else:
        folder = save_base(tmp_path, make_gpt2(n_layer=3) if name == "gpt2" else make_encoder(name, **wide))
    base, head, has_head = find_base(str(folder)), Head(kind="classification", classes=("a", "b", "c")), name != "gpt2"
    if has_head:
        model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    else:
        model = load_model(folder, dtype=torch.float32, device="cpu")
    begin_method(model, method, 0)
    if has_head:
        begin_score(model, 0, 0)
    geometry = geometry_of(base, has_own_head=has_head)
    section = Train(method=method, objective=Classification() if has_head else Sft())
    job = Computation(geometry, section, "fp32", "cpu", 3 if has_head else 0)
    random = np.random.default_rng(0)
    for lengths in LENGTHS.values():
        # one row of 704 tokens would be longer than these read
        rows = [random_row(random, str(n), [], min(num, 600)) for n, num in enumerate(lengths)]
        objective: Objective = sft.loss
        if has_head:
            ids = [np.maximum(row.ids_T, FIRST_ID) for row in rows]
            rows = [Rendered(row.id, ids_T, 0 * row.weights_T, 1, 1.0) for row, ids_T in zip(rows, ids, strict=True)]
            objective = classification.loss
        is_fused, causal = fuses_attention(geometry, "cpu"), not base.is_encoder
        (shape,) = batch_shapes(rows, section, 16384, is_fused=is_fused, is_causal=causal)
        kept = kept_bytes(model, rows, section, objective, causal=causal)
        assert saved_bytes(job, shape) == pytest.approx(kept, rel=0.03)
    assert job.num_trained == sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.thorough
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_base_in_four_bits_takes_what_its_tensors_take(tmp_path: Path, precision: str) -> None:
    folder = save_model(tmp_path, make_model("qwen2", num_hidden_layers=3, intermediate_size=160))
    section = Train(method=Lora(name="qlora", rank=4))
    job = Computation(geometry_of(find_base(str(folder))), section, precision, "cpu")
    model = load_model(folder, dtype=compute_dtype(precision), device="cpu", four_bit=True)
    packed = [module.weight for module in model.modules() if isinstance(module, FourBitLinear)]
    held = sum(each.packed.nbytes + each.state.absmax.nbytes + each.state.state2.absmax.nbytes for each in packed)
    held += sum(parameter.nbytes for parameter in model.parameters())
    assert job.weight_bytes == pytest.approx(held, rel=1e-3)
    largest = max(packed, key=lambda each: each.state.shape.numel())
    assert job.unpacked_bytes >= largest.whole().nbytes
    assert (
        save_terms(job, StepShapes((), {}, (), 0, 0, 0, 0.0))["weights"] == job.weight_bytes + job.c * job.num_trained
    )
    plain = Computation(job.geometry, Train(method=Lora(rank=4)), precision, "cpu")
    assert (plain.unpacked_bytes, plain.num_trained) == (0, job.num_trained)


def test_on_a_gpu_a_base_is_packed_as_it_comes_and_on_a_cpu_after_it_was_turned_into_another_type(
    tmp_path: Path,
) -> None:
    geometry = geometry_of(find_base(str(save_model(tmp_path, make_model("qwen2")))))  # stored in fp32
    section = Train(method=Lora(name="qlora", rank=4))
    loads = {
        (device, precision): load_terms(Computation(geometry, section, precision, device))
        for device in ("cpu", "cuda")
        for precision in ("fp32", "bf16")
    }
    bytes_of = {key: Computation(geometry, section, key[1], key[0]).weight_bytes for key in loads}
    assert loads["cuda", "bf16"]["weights"] == bytes_of["cuda", "bf16"] < 2 * geometry.num_parameters
    assert loads["cpu", "fp32"]["weights"] == bytes_of["cpu", "fp32"]
    assert loads["cpu", "bf16"]["weights"] == 2 * geometry.num_parameters
    assert loads["cpu", "bf16"]["files"] == 4 * geometry.num_parameters


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", sorted(MIXTURES))
@pytest.mark.parametrize("targets", [("all-linear",), ("all-linear", "experts")], ids=" ".join)
def test_activations_of_a_mixture_are_nearly_what_autograd_keeps(
    tmp_path: Path, architecture: str, targets: tuple[str, ...]
) -> None:
    """Within a tenth: latent attention is counted as plain attention is."""
    folder = save_model(tmp_path, make_model(architecture, num_hidden_layers=3))
    section = Train(method=Lora(rank=4, targets=targets))
    model = load_model(folder, dtype=torch.float32, device="cpu")
    attach_lora(model, Lora(rank=4, targets=targets), 0)
    random = np.random.default_rng(0)
    geometry = geometry_of(find_base(str(folder)))
    job = Computation(geometry, section, "fp32", "cpu")
    for lengths in ("small", "long"):
        rows = [random_row(random, str(n), [], num) for n, num in enumerate(LENGTHS[lengths])]
        (shape,) = batch_shapes(rows, section, 16384, is_fused=fuses_attention(geometry, "cpu"))
        assert saved_bytes(job, shape) == pytest.approx(kept_bytes(model, rows, section), rel=0.1)
    assert job.num_trained == sum(p.numel() for p in model.parameters() if p.requires_grad)
