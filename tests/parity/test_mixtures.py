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
from tunesmith.model.experts import ExpertLinear
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
EXPERTS = Lora(rank=4, alpha=12.0, targets=("all-linear", "experts"))
EXPERTS_ALONE = Lora(rank=3, alpha=6.0, targets=("experts",), rslora=True)
METHODS = {"shared": METHOD, "experts": EXPERTS, "experts alone": EXPERTS_ALONE}
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


def adapted(folder: Path, method: Lora = METHOD) -> PreTrainedModel:
    model = load(folder)
    begin_method(model, method, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
            if isinstance(layer, ExpertLinear):
                layer.lora_b_EOR.copy_(torch.randn(layer.lora_b_EOR.shape, generator=generator) * 0.1)
    return model


def gradients(model: PreTrainedModel) -> dict[str, Tensor]:
    """Of the adapter, by the names of PEFT's parameters and in their shapes."""
    found = {}
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLinear):
            assert layer.lora_a_SRI.grad is not None
            assert layer.lora_b_SOR.grad is not None
            found[f"{name}.lora_A"], found[f"{name}.lora_B"] = layer.lora_a_SRI.grad[0], layer.lora_b_SOR.grad[0]
        if isinstance(layer, ExpertLinear):
            assert layer.lora_a_ERI.grad is not None
            assert layer.lora_b_EOR.grad is not None
            stack, _, matrix = name.rpartition(".")
            wrapper = {"gate_up_proj": f"{stack}.base_layer", "down_proj": stack}[matrix]
            # PEFT: rows of A expert by expert, columns of B rank by rank
            found[f"{wrapper}.lora_A"] = torch.cat(list(layer.lora_a_ERI.grad))
            found[f"{wrapper}.lora_B"] = torch.stack(list(layer.lora_b_EOR.grad), dim=2).flatten(1)
    return found


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


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_the_headers_tell_how_many_numbers_are_trained(bases: dict[str, Path], architecture: str, method: Lora) -> None:
    refuse_unfit(find_base(str(bases[architecture])), method)
    model = adapted(bases[architecture], method)
    wanting = {name: parameter.numel() for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert num_trained(weight_shapes(bases[architecture]), method, 64) == sum(wanting.values())
    assert any(".experts." in name for name in wanting) == ("experts" in method.targets)
    assert any("self_attn" in name for name in wanting) == ("all-linear" in method.targets)
    assert not any(".gate." in name or "_gate." in name for name in wanting)


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_the_adapter_and_its_gradients_are_those_of_peft(
    bases: dict[str, Path], tmp_path: Path, architecture: str, method: Lora
) -> None:
    ours = adapted(bases[architecture], method)
    save_method(ours, method, "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(make_model(architecture, "eager"), tmp_path, is_trainable=True).eval()
    largest = (logits(ours) - logits(theirs)).abs().max().item()
    assert largest < 1e-5 * max(1.0, logits(theirs).abs().max().item())
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
    expected = {
        name.removesuffix(".default.weight"): parameter.grad
        for name, parameter in theirs.base_model.model.named_parameters()
        if parameter.requires_grad
    }
    found = gradients(ours)
    assert found.keys() == expected.keys()
    worst = max(((found[name] - expected[name]).norm() / expected[name].norm()).item() for name in found)
    print(f"{architecture}: logits {largest:.1e}, gradient {worst:.1e}")
    assert worst < 1e-5


@pytest.mark.parametrize(
    ("architecture", "method", "code"),
    [
        ("deepseek_v3", Lora(dora=True), "dora-mixture"),
        ("qwen2_moe", Lora(dora=True), "dora-mixture"),
        ("qwen2_moe", Lora(name="qlora"), "qlora-architecture"),
        ("deepseek_v3", Lora(targets=("experts",), layers=(0, 0)), "lora-no-experts"),
        ("deepseek_v3", Prefix(), "method-architecture"),
    ],
)
def test_what_does_not_fit_is_refused(
    bases: dict[str, Path], architecture: str, method: Lora | Prefix, code: str
) -> None:
    with pytest.raises(TunesmithError) as caught:
        refuse_unfit(find_base(str(bases[architecture])), method)
    assert caught.value.code == code
    assert architecture in caught.value.message() + str(caught.value.hint("en"))
    assert caught.value.hint("zh")


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_training_changes_the_adapter_alone(bases: dict[str, Path], architecture: str, method: Lora) -> None:
    model = load(bases[architecture])
    begin_method(model, method, seed=0)
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


@pytest.mark.parametrize("method", [METHOD, EXPERTS, Prompt(virtual_tokens=4)], ids=lambda method: str(method)[:40])
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


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_an_adapter_of_experts_that_peft_made_is_read(
    bases: dict[str, Path], tmp_path: Path, architecture: str
) -> None:
    config = peft.LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=["q_proj", "o_proj"] if architecture == "qwen2_moe" else ["o_proj"],
        target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
        init_lora_weights=False,
    )
    torch.manual_seed(5)
    theirs = peft.get_peft_model(make_model(architecture, "eager"), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = load(bases[architecture])
    load_method(ours, tmp_path)
    largest = (logits(ours) - logits(theirs)).abs().max()
    assert largest < 1e-5 * max(1.0, logits(theirs).abs().max().item())
    assert (logits(ours) - logits(make_model(architecture))).abs().max() > 0.1
