"""Weights in 8 bits: against the formula written out, and models of them against the same models with whole weights."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import ARCHITECTURES, make_model, save_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.recall import greedy_hits
from tunesmith.export.int8 import write_int8
from tunesmith.model.head import log_likelihood_of_pairs, log_likelihoods_after
from tunesmith.model.load import head_logits, head_of, head_weight, load_model
from tunesmith.model.quantise import FEW_ROWS, SOME_ROWS, Int8Embedding, Int8Linear, Int8Weight, quantise_rows
from tunesmith.records import Message, Rendered, Sampling


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_row_is_its_scale_times_the_nearest_whole_numbers() -> None:
    weight_OI = drawn(40, 70) * torch.logspace(-12, 6, 40)[:, None]
    values_OI, scales_O = quantise_rows(weight_OI)
    assert values_OI.dtype == torch.int8
    assert torch.equal(scales_O, scales_O.bfloat16().float())
    for row, values, scale in zip(weight_OI.tolist(), values_OI.tolist(), scales_O.tolist(), strict=True):
        least = max(map(abs, row)) / 127
        assert least <= scale * (1 + 1e-7)
        assert scale < least * (1 + 2**-7)  # the next number of bf16 is at most this much larger
        for number, value in zip(row, values, strict=True):
            assert abs(number - scale * value) <= scale * 0.5000001
        assert max(map(abs, values)) in (126, 127)


def test_halves_are_rounded_to_even_numbers_and_a_row_of_zeros_stays_one() -> None:
    weight_OI = torch.tensor([[127.0, 0.5, 1.5, 2.5, -0.5, -1.5], [0.0] * 6, [-254.0, 1.0, 3.0, 5.0, -1.0, -3.0]])
    values_OI, scales_O = quantise_rows(weight_OI)
    assert scales_O.tolist() == [1.0, 1.0, 2.0]
    assert values_OI.tolist() == [[127, 0, 2, 2, 0, -2], [0] * 6, [-127, 0, 2, 2, 0, -2]]
    assert torch.equal(quantise_rows(weight_OI.bfloat16())[0], values_OI)


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.bfloat16, 2**-7)])
@pytest.mark.parametrize("num_rows", [1, FEW_ROWS, FEW_ROWS + 1, SOME_ROWS, SOME_ROWS + 1])
def test_products_are_those_of_the_whole_weight_however_many_rows(
    dtype: torch.dtype, near: float, num_rows: int
) -> None:
    values_OI, scales_O = quantise_rows(drawn(96, 64))
    weight = Int8Weight(values_OI, scales_O[:, None], dtype)
    x_TI = drawn(num_rows, 64, seed=1).to(dtype)
    whole_OI = values_OI.double().numpy() * scales_O.double().numpy()[:, None]
    expected_TO = x_TI.double().numpy() @ whole_OI.T
    found_TO = weight.product(x_TI)
    assert found_TO.dtype == dtype
    size = math.sqrt(float((expected_TO**2).mean()))
    assert float(np.abs(found_TO.double().numpy() - expected_TO).max()) <= 6 * near * size
    ids = torch.tensor([[3, 95], [0, 3]])
    rows = weight.rows(ids)
    assert rows.dtype == dtype
    assert np.abs(rows.double().numpy() - whole_OI[ids.numpy()]).max() <= near * np.abs(whole_OI).max()


@pytest.mark.parametrize("num_rows", [1, FEW_ROWS + 1, SOME_ROWS + 1])
def test_rows_of_zeros_give_zeros_and_what_is_no_number_gives_none(num_rows: int) -> None:
    values_OI, scales_O = quantise_rows(drawn(96, 64))
    weight = Int8Weight(values_OI, scales_O, torch.bfloat16)
    assert not weight.product(torch.zeros(num_rows, 64, dtype=torch.bfloat16)).any()
    for strange in (torch.nan, torch.inf):
        x_TI = drawn(num_rows, 64).bfloat16()
        x_TI[0, 3] = strange
        found_TO = weight.product(x_TI)
        assert not found_TO[0].isfinite().any()
        assert found_TO[1:].isfinite().all()


@pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="needs a CPU that adds products of whole numbers")
def test_products_of_whole_numbers_depend_on_no_other_row() -> None:
    values_OI, scales_O = quantise_rows(drawn(96, 64))
    weight, x_TI = Int8Weight(values_OI, scales_O, torch.bfloat16), drawn(SOME_ROWS, 64).bfloat16()
    assert torch.equal(weight.product(x_TI)[: FEW_ROWS + 1], weight.product(x_TI[: FEW_ROWS + 1]))


def test_layers_take_inputs_of_any_shape_and_add_their_bias() -> None:
    values_OI, scales_O = quantise_rows(drawn(12, 64))
    linear = Int8Linear(Int8Weight(values_OI, scales_O, torch.float32), nn.Parameter(drawn(12, seed=2)))
    x = drawn(2, 3, 64, seed=3)
    whole_OI = values_OI.float() * scales_O[:, None]
    torch.testing.assert_close(linear(x), nn.functional.linear(x, whole_OI, linear.bias))


def test_heads_in_8_bits_score_as_whole_ones_do() -> None:
    values_VD, scales_V = quantise_rows(drawn(320, 64))
    head, whole_VD = Int8Weight(values_VD, scales_V, torch.float32), values_VD.float() * scales_V[:, None]
    states, targets = drawn(7, 64, seed=4), torch.arange(7) * 40
    torch.testing.assert_close(
        log_likelihood_of_pairs(states, head, torch.arange(7), targets),
        log_likelihood_of_pairs(states, whole_VD, torch.arange(7), targets),
    )
    torch.testing.assert_close(
        log_likelihoods_after(states, head, np.arange(7), targets.numpy()),
        log_likelihoods_after(states, whole_VD, np.arange(7), targets.numpy()),
    )


def whole_twin(folder: Path, twin: PreTrainedModel) -> PreTrainedModel:
    """The model of `folder` with each matrix as what 8 bits make of it, computed by plain layers."""
    state = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    for name, tensor in state.items():
        if tensor.ndim == 2:
            values_OI, scales_O = quantise_rows(tensor)
            state[name] = values_OI.float() * scales_O[:, None]
    twin.load_state_dict(state)
    return twin.eval()


@pytest.mark.thorough  # torchao takes seconds to import
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_in_8_bits_computes_what_the_same_numbers_do_whole(tmp_path: Path, architecture: str) -> None:
    merged = save_model(tmp_path / "merged", make_model(architecture))
    write_int8(merged, tmp_path / "int8")
    model = load_model(tmp_path / "int8", dtype=torch.float32, device="cpu")
    kinds = {type(module) for module in model.modules()}
    assert Int8Linear in kinds
    assert not kinds & {nn.Linear, nn.Embedding}
    head = model.get_output_embeddings()
    is_tied = head.weight is model.get_input_embeddings().weight
    assert is_tied == (architecture in ("qwen2", "qwen3"))
    twin = whole_twin(merged, load_model(merged, dtype=torch.float32, device="cpu"))
    ids = torch.arange(60)[None] * 5
    with torch.no_grad():
        expected = twin(input_ids=ids, position_ids=torch.arange(60)[None]).logits
        found = model(input_ids=ids, position_ids=torch.arange(60)[None]).logits
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-4)
    chat = load_chat(tmp_path / "int8")
    asked = [(Message("user", "What is the answer?"),), (Message("user", "问题的答案是什么？"),)]
    labels = [Message("assistant", text) for text in ("yes", "no", "苹果")]
    one, other = (LocalEngine(each, chat, 512) for each in (model, twin))
    sampling = Sampling(max_new_tokens=12)
    assert [each[0].text for each in one.generate(asked, sampling)] == [
        each[0].text for each in other.generate(asked, sampling)
    ]
    np.testing.assert_allclose(one.log_likelihoods(asked, labels), other.log_likelihoods(asked, labels), atol=1e-3)
    weights_T = np.array([0, *[1] * 19], np.float32)
    row = Rendered("row", (np.arange(20) * 7).astype(np.int32), weights_T)
    assert (greedy_hits(model, [row])[0] == greedy_hits(twin, [row])[0]).all()


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_transformers_loads_the_folder_without_us(tmp_path: Path, architecture: str) -> None:
    merged = save_model(tmp_path / "merged", make_model(architecture))
    write_int8(merged, tmp_path / "int8")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "int8").eval()
    ours = load_model(tmp_path / "int8", dtype=torch.float32, device="cpu")
    ids = torch.arange(60)[None] * 5
    with torch.no_grad():
        theirs = plain(input_ids=ids).logits
        found = ours(input_ids=ids, position_ids=torch.arange(60)[None]).logits
    torch.testing.assert_close(found, theirs, atol=2e-4, rtol=1e-4)


def test_nothing_has_changed_for_a_head_that_is_whole(tmp_path: Path) -> None:
    model = make_model("llama")
    states = drawn(5, 64)
    assert head_of(model) is head_weight(model)
    assert torch.equal(head_logits(model, states), states @ head_weight(model).T)


@pytest.mark.thorough
def test_models_are_imported_without_a_word() -> None:
    """transformers imports torchao, which warns of its libraries for other machines."""
    words = [sys.executable, "-c", "import tunesmith.model.load"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stderr == ""


def test_an_embedding_widens_only_what_is_asked_for() -> None:
    values_OI, scales_O = quantise_rows(drawn(320, 64))
    embedding = Int8Embedding(Int8Weight(values_OI, scales_O, torch.bfloat16))
    assert (embedding.num_embeddings, embedding.embedding_dim) == (320, 64)
    assert embedding(torch.tensor([[5, 6, 5]])).shape == (1, 3, 64)
