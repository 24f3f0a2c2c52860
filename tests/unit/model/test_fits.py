"""What a method trains and what it cannot, from names and shapes, against the models themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import make_model, save_model

from tunesmith.errors import TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.fits import frozen_names, num_trained, refuse_prefix, refuse_unfit, weight_shapes
from tunesmith.model.load import load_model
from tunesmith.model.method import begin_method
from tunesmith.recipe import Freeze, Full, Lora, Method, Prefix, Prompt

METHODS: list[Method] = [
    Full(),
    Freeze(),
    Freeze(layers=1, embeddings=False),
    Freeze(layers=2),
    Freeze(layers=1, patterns=("*norm*", "lm_head.*")),
    Lora(rank=3),
    Lora(rank=3, dora=True, layers=(1, 2)),
    Lora(rank=3, targets=("q_proj", "down_proj"), layers=(0, 0)),
    Lora(name="qlora", rank=3),
    Prompt(virtual_tokens=4),
    Prefix(virtual_tokens=4),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = make_model("llama", num_hidden_layers=3)  # its head does not share the embeddings' weights
    return save_model(tmp_path_factory.mktemp("base"), model)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_numbers_that_are_trained_are_those_that_want_a_gradient(folder: Path, method: Method) -> None:
    base = find_base(str(folder))
    refuse_unfit(base, method)
    model = load_model(folder, dtype=torch.float32, device="cpu")
    begin_method(model, method, seed=0)
    wanting = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert num_trained(weight_shapes(folder), method, base.config["hidden_size"]) == wanting > 0


def test_a_range_of_layers_is_adapted_and_no_other(folder: Path) -> None:
    model = load_model(folder, dtype=torch.float32, device="cpu")
    begin_method(model, Lora(rank=2, layers=(1, 2)), seed=0)
    adapted = {name.split(".")[2] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert adapted == {"1", "2"}


def test_frozen_layers_are_counted_and_not_spelled() -> None:
    names = [f"model.layers.{n}.mlp.up_proj.weight" for n in range(12)]
    assert frozen_names(names, Freeze(layers=2)) == set(names[:2])
    assert frozen_names(names, Freeze(patterns=("model.layers.1*",))) == {names[1], names[10], names[11]}


@pytest.mark.parametrize(
    ("method", "code"),
    [
        (Freeze(layers=4), "method-layers"),
        (Freeze(patterns=("*.nothing",)), "freeze-pattern"),
        (Freeze(patterns=("*",)), "freeze-all"),
        (Lora(layers=(0, 3)), "method-layers"),
        (Lora(targets=("c_attn",)), "lora-no-target"),
        (Lora(targets=("all-linear", "experts")), "lora-no-experts"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_from_headers_and_by_the_model(folder: Path, method: Method, code: str) -> None:
    model = load_model(folder, dtype=torch.float32, device="cpu")
    for refuse in (lambda: refuse_unfit(find_base(str(folder)), method), lambda: begin_method(model, method, seed=0)):
        with pytest.raises(TunesmithError) as caught:
            refuse()
        assert caught.value.code == code
        for language in ("en", "zh"):
            assert caught.value.message(language)
            assert caught.value.hint(language)


def test_a_prefix_needs_plain_keys_and_values() -> None:
    refuse_prefix("qwen3")
    with pytest.raises(TunesmithError) as caught:
        refuse_prefix("deepseek_v3")
    assert caught.value.code == "method-architecture"
    assert "deepseek_v3" in caught.value.message()
    assert "lora" in caught.value.hint()
