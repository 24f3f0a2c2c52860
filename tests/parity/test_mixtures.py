"""Mixtures of experts and latent attention: flat against transformers row by row, LoRA against PEFT, generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from flat_rows import CASES, LAYOUTS, TOLERANCE, gradient, largest_difference, plain, three_levels
from tiny_models import MIXTURES, make_model, random_row, save_model, twin_of
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.fits import num_trained, refuse_unfit, weight_shapes
from tunesmith.model.layout import lay_out
from tunesmith.model.load import load_model
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method, load_method, save_method
from tunesmith.recipe import Lora, Prefix, Prompt
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Message, Rendered, Sampling
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

IDS = torch.arange(40)[None] * 11 % 320
METHOD = Lora(rank=4, alpha=12.0)
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {name: save_model(folder / name, make_model(name)) for name in MIXTURES}


def load(folder: Path) -> PreTrainedModel:
    return load_model(folder, dtype=torch.float32, device="cpu")


def logits(model: torch.nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


def adapted(folder: Path) -> PreTrainedModel:
    model = load(folder)
    begin_method(model, METHOD, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
    return model


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_flat_is_what_transformers_does_row_by_row(architecture: str) -> None:
    random = np.random.default_rng(11)
    rows = [
        Rendered(f"{case.__name__} {each.id}", each.ids_T, each.weights_T) for case in CASES for each in case(random)
    ]
    worst = largest_difference(make_model(architecture), rows, LAYOUTS[:3])
    print(f"{architecture}: {worst:.1e}")
    assert worst < TOLERANCE


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_loaded_and_fused_it_is_the_same_model(bases: dict[str, Path], architecture: str) -> None:
    rows = three_levels(np.random.default_rng(1))
    model = load(bases[architecture])
    loss, expected = plain(twin_of(make_model(architecture), "eager"), rows)
    total = 0.0
    for batch in lay_out(rows, 200, share=True):
        found = sft.loss(model, batch).sum
        found.backward()
        total += found.item()
    assert total == pytest.approx(loss, rel=1e-5)
    assert ((gradient(model) - expected).norm() / expected.norm()).item() < TOLERANCE


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_lora_adapts_attention_and_shared_experts_alone(bases: dict[str, Path], architecture: str) -> None:
    base = find_base(str(bases[architecture]))
    refuse_unfit(base, METHOD)
    model = adapted(bases[architecture])
    layers = {name for name, module in model.named_modules() if isinstance(module, LoraLinear)}
    assert any("shared_expert" in name for name in layers)
    assert any("self_attn" in name for name in layers)
    assert not any(".experts" in name or name.endswith((".gate", "_gate")) for name in layers)
    trained = {name.rpartition(".lora_")[0] for name, each in model.named_parameters() if each.requires_grad}
    assert trained == layers
    wanting = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert num_trained(weight_shapes(bases[architecture]), METHOD, 64) == wanting


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_the_adapter_and_its_gradients_are_those_of_peft(
    bases: dict[str, Path], tmp_path: Path, architecture: str
) -> None:
    ours = adapted(bases[architecture])
    save_method(ours, METHOD, "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(make_model(architecture, "eager"), tmp_path, is_trainable=True).eval()
    largest = (logits(ours) - logits(theirs)).abs().max().item()
    assert largest < 1e-4
    assert (logits(ours) - logits(make_model(architecture))).abs().max() > 0.1
    again = load(bases[architecture])
    load_method(again, tmp_path)
    assert torch.equal(logits(again), logits(ours))
    random = np.random.default_rng(3)
    prefix = random.integers(0, 320, 30).tolist()
    rows = [random_row(random, str(n), prefix, 10 + n) for n in range(3)]
    (batch,) = lay_out(rows, 1000, share=True)
    sft.loss(ours, batch).sum.backward()
    plain(theirs, rows)
    worst = 0.0
    for name, layer in ours.named_modules():
        if isinstance(layer, LoraLinear):
            twin = theirs.base_model.model.get_submodule(name)
            for parameter, module in ((layer.lora_a_SRI, twin.lora_A), (layer.lora_b_SOR, twin.lora_B)):
                expected = module["default"].weight.grad
                assert parameter.grad is not None
                worst = max(worst, ((parameter.grad[0] - expected).norm() / expected.norm()).item())
    print(f"{architecture}: logits {largest:.1e}, gradient {worst:.1e}")
    assert worst < 1e-5


@pytest.mark.parametrize(
    ("architecture", "method", "code"),
    [
        ("deepseek_v3", Lora(dora=True), "dora-mixture"),
        ("qwen2_moe", Lora(dora=True), "dora-mixture"),
        ("deepseek_v3", Prefix(), "method-architecture"),
    ],
)
def test_what_does_not_fit_is_refused(
    bases: dict[str, Path], architecture: str, method: Lora | Prefix, code: str
) -> None:
    with pytest.raises(TunesmithError) as caught:
        refuse_unfit(find_base(str(bases[architecture])), method)
    assert caught.value.code == code
    assert architecture in caught.value.message()
    assert caught.value.hint("zh")


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_training_changes_the_adapter_alone(bases: dict[str, Path], architecture: str) -> None:
    model = load(bases[architecture])
    begin_method(model, METHOD, seed=0)
    rows = [random_row(np.random.default_rng(n), str(n), [], 20) for n in range(4)]
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    source = RowSource(rows, RowSampler(4, 4, seed=0), LayoutSettings(1000, True, "cpu"))
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    losses = [
        report.loss_sum.item() / report.weight
        for report in train_steps(model, source, sft.loss, optimizer, lambda _: 1e-2, range(8))
    ]
    assert losses[-1] < 0.8 * losses[0]
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("method", [METHOD, Prompt(virtual_tokens=4)], ids=lambda method: method.name)
@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_what_it_writes_is_scored_the_same_cached_and_flat(
    bases: dict[str, Path], architecture: str, method: Lora | Prompt
) -> None:
    base = find_base(str(bases[architecture]))
    model = load(base.folder)
    begin_method(model, method, seed=0)
    chat = load_chat(base.folder)
    engine = LocalEngine(model, chat, base.max_tokens)
    conversations = [[Message("user", text)] for text in ("What?", "Say it again, please.")]
    answers = [Message("assistant", "yes"), Message("assistant", "no, not now")]
    cached = engine.log_likelihoods(conversations, answers)
    for messages, found in zip(conversations, cached, strict=True):
        rows = []
        for number, answer in enumerate(answers):
            prompt, written = chat.prompt_ids(messages), chat.answer_ids(answer, messages)
            weights = [0.0] * len(prompt) + [1.0] * len(written)
            rows.append(Rendered(str(number), np.array(prompt + written, np.int32), np.array(weights, np.float32)))
        assert found == pytest.approx(engine.row_likelihoods(rows), abs=1e-3)
    ((first,), (second,)) = engine.generate(conversations, Sampling(max_new_tokens=5))
    assert (first.num_tokens, second.num_prompt_tokens) == (5, len(chat.prompt_ids(conversations[1])))
