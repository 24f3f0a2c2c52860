"""What is predicted, refused and advised, each against a count made another way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import make_model, random_row, save_model
from torch.utils.flop_counter import FlopCounterMode

from tunesmith.artifacts.head import Head
from tunesmith.model.base import find_base
from tunesmith.model.lora import attach_lora
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import Computation, disk_bytes, load_terms, save_terms
from tunesmith.plan.predict import Workload, changes_that_fit
from tunesmith.plan.steps import StepShapes, batch_shapes
from tunesmith.plan.work import step_operations, update_operations
from tunesmith.recipe import Decoding, Distill, DistillText, Evaluate, Full, Lora, Train
from tunesmith.recipe.optimizers import Muon
from tunesmith.records import Rendered
from tunesmith.train.sampler import RowSampler
from tunesmith.train.updates import orthogonalised

MAIN = Train(method=Full(), batch_rows=4, epochs=1.0, precision="fp32", micro_batch_tokens=4096)


def rows(num: int, low: int, high: int) -> list[Rendered]:
    random = np.random.default_rng(0)
    return [random_row(random, str(n), [], int(random.integers(low, high))) for n in range(num)]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    model = make_model("llama", num_hidden_layers=6, hidden_size=256, intermediate_size=512)
    base = find_base(str(save_model(tmp_path_factory.mktemp("model"), model)))
    evaluate = Evaluate(arms=("base", "tuned"), decoding=Decoding(max_new_tokens=16))
    return Workload(
        geometry_of(base), rows(40, 100, 300), rows(6, 50, 90), rows(6, 50, 90), evaluate, 0, "cpu", RowSampler
    )


def test_what_training_holds_is_sixteen_bytes_a_weight_in_fp32_and_twenty_in_bf16(work: Workload) -> None:
    number = work.geometry.num_parameters
    for precision, each in (("fp32", 16), ("bf16", 20)):
        shapes = StepShapes((), {}, (), num_sizes=0, num_short_shapes=0, num_long_shapes=0, num_tokens_mean=0.0)
        terms = save_terms(Computation(work.geometry, MAIN, precision, "cpu"), shapes)
        held = sum(terms[name] for name in ("weights", "gradients", "moments", "master", "files"))
        assert held == each * number
        assert terms["best"] == 4 * number


def test_weights_already_in_the_right_type_are_read_from_the_file_itself(work: Workload) -> None:
    number = work.geometry.num_parameters
    assert (work.geometry.stored_precision, work.geometry.num_stored_bytes) == ("fp32", 4 * number)
    same, other = (load_terms(Computation(work.geometry, MAIN, precision, "cpu")) for precision in ("fp32", "bf16"))
    assert (same["files"], same["weights"]) == (4 * number, 0)
    assert (other["files"], other["weights"]) == (4 * number, 2 * number)


def test_a_base_that_was_made_smaller_is_judged_beside_what_it_was(work: Workload, tmp_path: Path) -> None:
    model = make_model("llama", num_hidden_layers=2, hidden_size=256, intermediate_size=512)
    cut = replace(work, geometry=geometry_of(find_base(str(save_model(tmp_path, model)))))
    whole, alone, both = (
        each.prediction(MAIN, "fp32").memory for each in (work, cut, replace(cut, untuned=work.geometry))
    )
    assert sum(alone["evaluate"].values()) < sum(whole["evaluate"].values())
    assert both["evaluate"] == whole["evaluate"]
    assert {**both, "evaluate": 0} == {**alone, "evaluate": 0}


@pytest.mark.thorough
def test_a_smaller_budget_less_precision_and_lora_need_less(work: Workload) -> None:
    work = replace(work, device="cuda")  # a CPU keeps compiled bf16 products, more than so small a model saves
    main = work.prediction(MAIN, "fp32")
    lora = MAIN.model_copy(update={"method": Lora(rank=4)})
    small = MAIN.model_copy(update={"micro_batch_tokens": 300})
    assert work.prediction(lora, "fp32").train_bytes < main.train_bytes
    assert work.prediction(lora, "bf16").train_bytes < work.prediction(lora, "fp32").train_bytes
    assert work.prediction(small, "fp32").train_bytes < main.train_bytes
    assert main.peak_bytes == max(sum(terms.values()) for terms in main.memory.values())
    assert main.computed_tokens == pytest.approx(sum(len(row.ids_T) for row in work.train), rel=0.1)


@pytest.mark.thorough
def test_every_change_that_is_listed_fits_and_no_shorter_list_does(work: Workload) -> None:
    work = replace(work, device="cuda")
    needed = work.prediction(MAIN, "fp32").peak_bytes
    single = changes_that_fit(work, MAIN, "fp32", needed - 1)
    assert {str(change) for change in single} >= {"train.method=lora"}
    assert all(change.peak_bytes < needed for change in single)
    smallest = work.prediction(MAIN.model_copy(update={"method": Lora(), "micro_batch_tokens": 300}), "bf16").peak_bytes
    (all_three,) = changes_that_fit(work, MAIN, "fp32", smallest + 1_000_000)[:1]
    assert set(all_three.settings) == {"method", "micro_batch_tokens", "precision"}
    assert changes_that_fit(work, MAIN, "fp32", 1) == []


@pytest.mark.thorough
def test_a_change_that_is_listed_makes_a_recipe_that_is_read(work: Workload) -> None:
    """Muon goes with `full` alone: another method is named together with another optimiser."""
    work = replace(work, device="cuda")
    muon = MAIN.model_copy(update={"optimizer": Muon(), "micro_batch_tokens": 256})
    changes = changes_that_fit(work, muon, "bf16", work.prediction(muon, "bf16").peak_bytes - 1)
    assert {str(change) for change in changes} == {
        f"train.method={method} train.optimizer=adamw" for method in ("lora", "qlora")
    }
    for change in changes:
        read = Train.model_validate({**muon.model_dump(exclude={"method", "optimizer"}), **change.settings})
        assert work.prediction(read, "bf16").peak_bytes == change.peak_bytes


def test_disk_holds_three_checkpoints_with_the_best_weights_and_the_model(work: Workload) -> None:
    number = work.geometry.num_parameters
    assert disk_bytes(Computation(work.geometry, MAIN, "fp32", "cpu")) == 3 * (12 + 4) * number + 4 * number


def test_a_step_takes_six_operations_a_weight_and_token_and_four_where_only_adapters_learn(work: Workload) -> None:
    steps = work.costs(MAIN, "fp32")
    full = Computation(work.geometry, MAIN, "fp32", "cpu")
    lora = Computation(work.geometry, MAIN.model_copy(update={"method": Lora(rank=1)}), "fp32", "cpu")
    assert len(steps.to_probe) == 3
    (shape,) = batch_shapes(work.train[:4], MAIN, 4096, is_fused=True)
    geometry = work.geometry
    scores = 12 * geometry.num_layers * geometry.query * shape.num_scores
    dense = shape.num_tokens * geometry.num_linear + shape.num_pairs * geometry.num_head
    assert step_operations(full, [shape]) == pytest.approx(6 * dense + scores)
    assert step_operations(lora, [shape]) == pytest.approx(4 * dense + scores + 6 * shape.num_tokens * lora.num_trained)


@pytest.mark.thorough
def test_muon_adds_the_products_that_make_its_updates_orthogonal(work: Workload) -> None:
    job = Computation(work.geometry, MAIN.model_copy(update={"optimizer": Muon()}), "fp32", "cpu")
    with FlopCounterMode(display=False) as counted:
        for shape in work.geometry.linear_shapes():
            orthogonalised(torch.randn(1, *shape))
    assert update_operations(job) == counted.get_total_flops()
    plain = Computation(work.geometry, MAIN, "fp32", "cpu")
    assert step_operations(job, []) - step_operations(plain, []) == counted.get_total_flops()


def test_rows_with_attention_dropout_are_laid_out_apart_and_whole() -> None:
    random = np.random.default_rng(0)
    prefix = random.integers(0, 300, 300).tolist()
    alike = [random_row(random, str(n), prefix, 20) for n in range(4)]
    section = MAIN.model_copy(update={"attention_dropout": 0.1})
    ((together,), (apart,)) = (batch_shapes(alike, one, 4096, is_fused=True) for one in (MAIN, section))
    assert together.num_tokens < 500
    assert 4 * 320 <= apart.num_tokens < 4 * 320 + 64
    assert (apart.num_long_tokens, apart.num_fused_tokens) == (0, 0)
    assert apart.num_short_scores >= 4 * 320 * 320


def test_a_head_is_trained_instead_of_the_language_models(tmp_path: Path) -> None:
    folder = save_model(tmp_path, make_model("llama", tie_word_embeddings=False))
    head = Head(kind="classification", classes=("a", "b", "c"))
    model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    begin_score(model, 0, 0)
    geometry = geometry_of(find_base(str(folder)), has_own_head=True)
    assert Computation(geometry, MAIN, "fp32", "cpu", num_outputs=3).num_trained == model.num_parameters()
    lora = MAIN.model_copy(update={"method": Lora(rank=4)})
    attach_lora(model, Lora(rank=4), 0)
    begin_score(model, 0, 0)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert Computation(geometry, lora, "fp32", "cpu", num_outputs=3).num_trained == trained


def test_a_teacher_of_probabilities_stands_beside_the_model_and_one_that_writes_goes_before_it(work: Workload) -> None:
    number = work.geometry.num_parameters
    taught = MAIN.model_copy(update={"objective": Distill(teacher="t")})
    written = MAIN.model_copy(update={"objective": DistillText(teacher="t", max_new_tokens=16)})
    work = replace(work, teacher=work.geometry)
    memory = work.prediction(taught, "fp32").memory
    assert [memory[phase]["teacher"] for phase in ("load", "train", "save")] == [4 * number] * 3
    alone, memory = work.prediction(MAIN, "fp32").memory, work.prediction(written, "fp32").memory
    assert memory["train"] == alone["train"]
    assert sum(memory["load"].values()) > sum(alone["load"].values())


def test_geometry_is_read_from_headers_alone(tmp_path: Path) -> None:
    model = make_model("qwen3", tie_word_embeddings=True)
    geometry = geometry_of(find_base(str(save_model(tmp_path, model))))
    assert geometry.num_parameters == model.num_parameters()
    assert (geometry.is_tied, geometry.norms_queries) == (True, True)
    assert geometry.num_linear == sum(m.weight.numel() for n, m in model.named_modules() if "proj" in n)


@pytest.mark.thorough
def test_four_bits_are_among_the_changes_of_a_dense_base_alone(work: Workload) -> None:
    work = replace(work, device="cuda")
    needed = work.prediction(MAIN, "fp32").peak_bytes
    assert "train.method=qlora" in {str(change) for change in changes_that_fit(work, MAIN, "fp32", needed - 1)}
    section = MAIN.model_copy(update={"method": Lora(rank=4)})
    needed = work.prediction(section, "bf16").peak_bytes
    (change,) = [c for c in changes_that_fit(work, section, "bf16", needed - 1) if "method.name" in c.settings]
    assert str(change) == "train.method.name=qlora"
    four_bit = MAIN.model_copy(update={"method": Lora(name="qlora", rank=4)})
    assert change.peak_bytes == work.prediction(four_bit, "bf16").peak_bytes
    assert not any("method" in str(c) for c in changes_that_fit(work, four_bit, "bf16", change.peak_bytes - 1))


def test_nothing_packs_a_mixture(tmp_path: Path, work: Workload) -> None:
    geometry = geometry_of(find_base(str(save_model(tmp_path, make_model("qwen2_moe")))))
    work = replace(work, geometry=geometry, device="cuda")
    needed = work.prediction(MAIN, "fp32").peak_bytes
    assert not any("qlora" in str(change) for change in changes_that_fit(work, MAIN, "fp32", needed - 1))
