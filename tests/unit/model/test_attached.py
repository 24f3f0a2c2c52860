"""Adapters that take turns on one loaded base: each answers as on a base of its own, and leaves the base as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_bases import make_gpt2, save_base
from tiny_models import make_chat, make_model, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.engine.local import LocalEngine
from tunesmith.errors import TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.load import ModelSource, load_model, ready_models
from tunesmith.model.lora import CONFIG_FILE
from tunesmith.model.method import AdapterMethod, attached, begin_method, load_method, save_method
from tunesmith.model.virtual import virtual_ids
from tunesmith.recipe import Lora, Prefix, Prompt
from tunesmith.records import Message

LORA = Lora(rank=4)
METHODS: dict[str, dict[str, AdapterMethod]] = {
    "qwen3": {
        "lora": LORA,
        "dropout": Lora(rank=4, dropout=0.3, rslora=True, layers=(1, 1)),
        "dora": Lora(rank=4, dora=True),
        "dora with dropout": Lora(rank=2, dora=True, dropout=0.2, targets=("up_proj", "q_proj")),
        "prefix": Prefix(virtual_tokens=6),
        "prompt": Prompt(virtual_tokens=6),
    },
    "qwen2_moe": {"lora": LORA, "experts": Lora(rank=4, targets=("experts", "all-linear"))},
    "deepseek_v3": {"experts": Lora(rank=4, targets=("experts",)), "prompt": Prompt(virtual_tokens=6)},
    "gpt2": {"lora": LORA, "prompt": Prompt(virtual_tokens=6)},
}
PROMPTS = [[Message("user", "What is the answer to this question?")], [Message("user", "问题的答案是什么？")]]
CANDIDATES = [Message("assistant", text) for text in ("forty-two", "forty", "苹果")]


@pytest.fixture(scope="module", params=METHODS)
def bases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """The folder of a base, and of an adapter of each method with numbers far from those that training starts with."""
    folder = tmp_path_factory.mktemp(request.param)
    architecture: str = request.param
    if architecture == "gpt2":
        save_base(folder / "base", make_gpt2())
    else:
        save_model(folder / "base", make_model(architecture))
    for name, method in METHODS[architecture].items():
        model = loaded(folder / "base")
        begin_method(model, method, seed=1)
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
        save_method(model, method, "base", folder / name)
    return folder / "base", {name: folder / name for name in METHODS[architecture]}


def loaded(folder: Path) -> PreTrainedModel:
    return load_model(folder, dtype=torch.float32, device="cpu")


def logits(model: PreTrainedModel) -> Tensor:
    ids = torch.tensor([[*virtual_ids(model), *range(30)], [*virtual_ids(model), *range(290, 260, -1)]])
    with torch.no_grad():
        found: Tensor = model(ids).logits
    return found


@pytest.mark.thorough
def test_the_base_comes_back_to_the_bit_after_each(bases: tuple[Path, dict[str, Path]]) -> None:
    folder, adapters = bases
    model, expected = loaded(folder), logits(loaded(folder))
    names, numbers = [name for name, _ in model.named_modules()], dict(model.named_parameters())
    before = {name: parameter.clone() for name, parameter in numbers.items()}
    for adapter in [*adapters.values(), *adapters.values()]:
        with attached(model, adapter):
            pass
        assert torch.equal(logits(model), expected)
        assert [name for name, _ in model.named_modules()] == names
        after = dict(model.named_parameters())
        assert after.keys() == numbers.keys()
        assert all(after[name] is numbers[name] for name in numbers)
        assert all(torch.equal(after[name], before[name]) for name in numbers)


@pytest.mark.thorough
def test_each_answers_as_on_a_base_of_its_own(bases: tuple[Path, dict[str, Path]], tmp_path: Path) -> None:
    folder, adapters = bases
    chat = make_chat(tmp_path)

    def scores(model: PreTrainedModel) -> list[list[float]]:
        # with the virtual tokens that a prompt or a prefix puts before every row
        return LocalEngine(model, chat, 256).log_likelihoods(PROMPTS, CANDIDATES)

    model, plain = loaded(folder), scores(loaded(folder))
    for adapter in adapters.values():
        alone = loaded(folder)
        load_method(alone, adapter)
        with attached(model, adapter):
            assert scores(model) == scores(alone) != plain
        assert scores(model) == plain


def test_an_adapter_that_does_not_fit_leaves_the_base(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "base", make_model("qwen3"))
    other = loaded(save_model(tmp_path / "other", make_model("qwen3", intermediate_size=64)))
    begin_method(other, LORA, seed=0)
    save_method(other, LORA, "other", tmp_path / "adapter")
    model = loaded(folder)
    with pytest.raises(TunesmithError), attached(model, tmp_path / "adapter"):
        pass
    assert torch.equal(logits(model), logits(loaded(folder)))
    assert (tmp_path / "adapter" / CONFIG_FILE).is_file()


def tuned(payload: Path, form: str = "adapter") -> Any:
    return SimpleNamespace(head=lambda: None, form=form, payload=payload)


@pytest.mark.thorough
def test_one_base_is_loaded_for_all_that_stand_on_it(bases: tuple[Path, dict[str, Path]], tmp_path: Path) -> None:
    folder, adapters = bases
    base = find_base(str(folder))
    other = loaded(folder)
    with torch.no_grad():
        other.get_input_embeddings().weight.mul_(0.5)
    full = tmp_path / "full"
    other.save_pretrained(full)
    sources = {
        "base": ModelSource(None, base, False),
        "full": ModelSource(tuned(full, "weights"), base, False),
        **{name: ModelSource(tuned(adapter), base, False) for name, adapter in adapters.items()},
    }
    found: dict[str, tuple[int, Tensor]] = {}
    for name, model in ready_models(sources, dtype=torch.float32, device="cpu"):
        embeddings = model.get_input_embeddings().weight
        found[name] = embeddings.data_ptr(), logits(model)
        del model, embeddings
    assert list(found) == ["base", *adapters, "full"]
    assert len({place for name, (place, _) in found.items() if name != "full"}) == 1
    assert torch.equal(found["base"][1], logits(loaded(folder)))
    assert torch.equal(found["full"][1], logits(loaded(full)))
    answers = [tensor for _, tensor in found.values()]
    assert not any(torch.equal(one, other) for place, one in enumerate(answers) for other in answers[:place])
