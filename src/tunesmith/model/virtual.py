"""Virtual tokens before every row: learned embeddings (prompt tuning) or learned keys and values (prefix tuning).

A virtual token is a token id behind the vocabulary. So it takes a place in the flat layout like any other token, and
the rows of a micro-batch, which all begin with the same ones, share them as the root of their prefix tree. Prompt
tuning gives these ids embeddings (Lester et al. 2021, arXiv:2104.08691). Prefix tuning puts learned keys and values in
the place of theirs in every layer (Li & Liang 2021, arXiv:2101.00190, without its re-parametrising network); what the
layers compute of such tokens themselves nobody looks at. Both are kept in PEFT's folder format.

Shapes: T tokens, P virtual tokens, V vocabulary, D hidden, L layers, K key heads, H head size.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from tunesmith.errors import Place, TunesmithError
from tunesmith.model.fits import refuse_prefix
from tunesmith.model.fuse import RotaryAttention
from tunesmith.model.lora import CONFIG_FILE, WEIGHTS_FILE
from tunesmith.recipe import Prefix, Prompt

PROMPT: Final = "PROMPT_TUNING"
PREFIX: Final = "PREFIX_TUNING"
KEY: Final = "prompt_embeddings"
NUM_COMMON: Final = 5000
"""Virtual tokens start as tokens of the vocabulary's beginning, where the frequent ones are (section 3 of Lester)."""


@dataclass
class Places:
    """Which tokens of the batch that is being computed are virtual; one object is shared by a model's layers."""

    which_TP: Tensor | None = None
    """1 where a token is that virtual token, else 0."""


class VirtualEmbedding(nn.Module):
    """The base's frozen embeddings, and behind the vocabulary `num_virtual` more: trained ones, or zeros."""

    def __init__(self, base: nn.Embedding, num_virtual: int, *, is_trained: bool) -> None:
        super().__init__()
        self.weight = base.weight
        self.num_virtual = num_virtual
        self.places = Places()
        self.prompt_PD = nn.Parameter(base.weight.new_zeros(num_virtual, base.embedding_dim)) if is_trained else None

    @property
    def ids(self) -> tuple[int, ...]:
        first = self.weight.shape[0]
        return tuple(range(first, first + self.num_virtual))

    def forward(self, ids: Tensor) -> Tensor:
        number = ids - self.weight.shape[0]
        is_virtual = number >= 0
        which = number.unsqueeze(-1) == torch.arange(self.num_virtual, device=ids.device)
        self.places.which_TP = which.flatten(0, -2).to(self.weight.dtype)
        real = nn.functional.embedding(ids.masked_fill(is_virtual, 0), self.weight)
        virtual = torch.zeros_like(real) if self.prompt_PD is None else which.to(real.dtype) @ self.prompt_PD
        return torch.where(is_virtual.unsqueeze(-1), virtual, real)


class PrefixStates(nn.Module):
    """The learned keys and values of one layer's virtual tokens."""

    def __init__(self, key_PKH: Tensor, value_PKH: Tensor, places: Places) -> None:
        super().__init__()
        self.key_PKH, self.value_PKH = nn.Parameter(key_PKH), nn.Parameter(value_PKH)
        self.places = places

    def forward(self, key_TKH: Tensor, value_TKH: Tensor) -> tuple[Tensor, Tensor]:
        """The same states, those of virtual tokens replaced."""
        which_TP = self.places.which_TP
        assert which_TP is not None
        is_virtual_T11 = which_TP.any(1)[:, None, None]
        key_TKH, value_TKH = (
            torch.where(is_virtual_T11, (which_TP @ learned_PKH.flatten(1)).view_as(states_TKH), states_TKH)
            for learned_PKH, states_TKH in ((self.key_PKH, key_TKH), (self.value_PKH, value_TKH))
        )
        return key_TKH, value_TKH


def virtual_ids(model: PreTrainedModel) -> tuple[int, ...]:
    """The ids that every row must begin with; none for a model without virtual tokens."""
    embedding = model.get_input_embeddings()
    return embedding.ids if isinstance(embedding, VirtualEmbedding) else ()


def attach_prompt(model: PreTrainedModel, method: Prompt, seed: int) -> None:
    """Freeze the model and put trained embeddings behind its vocabulary, equal to those of tokens drawn from `seed`."""
    drawn_P = _drawn_ids(model, method.virtual_tokens, seed)
    prompt_PD = _with_virtual_tokens(model, method.virtual_tokens, is_trained=True).prompt_PD
    assert prompt_PD is not None
    with torch.no_grad():
        prompt_PD.copy_(model.get_input_embeddings().weight[drawn_P])


@torch.no_grad()
def attach_prefix(model: PreTrainedModel, method: Prefix, seed: int) -> None:
    """Freeze the model and give each layer learned keys and values, which start as those of tokens drawn from `seed`.

    Raises TunesmithError `method-architecture`.
    """
    refuse_prefix(model.config.model_type)
    drawn_P = _drawn_ids(model, method.virtual_tokens, seed)
    cache = DynamicCache(config=model.config)
    model.base_model(input_ids=drawn_P[None], past_key_values=cache, use_cache=True)
    _put_prefix(model, torch.stack([torch.stack((layer.keys[0], layer.values[0])) for layer in cache.layers]))


def detach_prefix(model: PreTrainedModel) -> None:
    """Let no layer have learned keys and values."""
    for layer in _attentions(model):
        layer.prefix = None


def save_virtual(model: PreTrainedModel, method: Prompt | Prefix, base: str, folder: Path) -> None:
    """Write what was trained as PEFT does, in float32."""
    config = model.config
    prefixes = _prefixes(model)
    if prefixes:
        both_P2KH = [torch.stack((each.key_PKH, each.value_PKH), dim=1) for each in prefixes]
        trained_PX = torch.stack(both_P2KH, dim=1).flatten(1)
        num_heads, token_dim = int(prefixes[0].key_PKH.shape[1]), prefixes[0].key_PKH[0].numel()
    else:
        embedding = model.get_input_embeddings()
        assert isinstance(embedding, VirtualEmbedding)
        assert embedding.prompt_PD is not None
        trained_PX = embedding.prompt_PD
        num_heads, token_dim = config.num_attention_heads, config.hidden_size
    told: dict[str, Any] = {
        "peft_type": PREFIX if prefixes else PROMPT,
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "num_virtual_tokens": method.virtual_tokens,
        "token_dim": token_dim,
        "num_attention_heads": num_heads,
        "num_layers": config.num_hidden_layers,
        "num_transformer_submodules": 1,
        "inference_mode": True,
    }
    told |= {"prefix_projection": False, "encoder_hidden_size": token_dim} if prefixes else {}
    told |= {} if prefixes else {"prompt_tuning_init": "RANDOM"}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({KEY: trained_PX.detach().float().contiguous()}, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / CONFIG_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def load_virtual(model: PreTrainedModel, folder: Path) -> None:
    """Attach the prompt or prefix that `folder` holds, ours or PEFT's.

    Raises TunesmithError `adapter-kind` for a prefix with a re-parametrising network, `adapter-base` where the sizes
    are not those of this model, `method-architecture`.
    """
    told = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if told.get("prefix_projection"):
        raise TunesmithError("adapter-kind", place=Place(str(folder / CONFIG_FILE)), setting="prefix_projection")
    trained_PX = load_file(folder / WEIGHTS_FILE)[KEY]
    num_virtual = len(trained_PX)
    if told["peft_type"] == PROMPT:
        embedding = _with_virtual_tokens(model, num_virtual, is_trained=True)
        assert embedding.prompt_PD is not None
        _refuse_other_shape(folder, trained_PX, tuple(embedding.prompt_PD.shape))
        with torch.no_grad():
            embedding.prompt_PD.copy_(trained_PX)
        return
    refuse_prefix(model.config.model_type)
    layers = _attentions(model)
    size = layers[0].head_size
    num_numbers = 2 * sum(layer.k_proj.get_parameter("weight").shape[0] for layer in layers)
    _refuse_other_shape(folder, trained_PX, (num_virtual, num_numbers))
    states_PL2KH = trained_PX.to(device=model.device, dtype=model.dtype).view(num_virtual, len(layers), 2, -1, size)
    _put_prefix(model, states_PL2KH.permute(1, 2, 3, 0, 4))


@torch.no_grad()
def take_virtual(model: PreTrainedModel, folder: Path) -> None:
    """Let the prompt or prefix that is attached have the numbers that `folder` holds.

    Raises TunesmithError `adapter-base` where the sizes are others.
    """
    taken_PX = load_file(folder / WEIGHTS_FILE)[KEY]
    prefixes = _prefixes(model)
    if not prefixes:
        prompt_PD = model.get_input_embeddings().prompt_PD
        _refuse_other_shape(folder, taken_PX, tuple(prompt_PD.shape))
        prompt_PD.copy_(taken_PX)
        return
    shape = (len(prefixes), 2, *prefixes[0].key_PKH.shape[1:])
    num_virtual = len(prefixes[0].key_PKH)
    _refuse_other_shape(folder, taken_PX, (num_virtual, math.prod(shape)))
    for layer, prefix in enumerate(prefixes):
        states_P2KH = taken_PX.view(num_virtual, *shape)[:, layer]
        prefix.key_PKH.copy_(states_P2KH[:, 0])
        prefix.value_PKH.copy_(states_P2KH[:, 1])


def _refuse_other_shape(folder: Path, found: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(found.shape) != expected:
        raise TunesmithError("adapter-base", place=Place(str(folder)), difference=f"{KEY}: {tuple(found.shape)}")


def _with_virtual_tokens(model: PreTrainedModel, num_virtual: int, *, is_trained: bool) -> VirtualEmbedding:
    model.requires_grad_(False)
    base = model.get_input_embeddings()
    assert isinstance(base, nn.Embedding)
    embedding = VirtualEmbedding(base, num_virtual, is_trained=is_trained)
    model.set_input_embeddings(embedding)
    return embedding


def _put_prefix(model: PreTrainedModel, states_L2KPH: Tensor) -> None:
    places = _with_virtual_tokens(model, states_L2KPH.shape[3], is_trained=False).places
    for layer, states_2KPH in zip(_attentions(model), states_L2KPH, strict=True):
        key_PKH, value_PKH = (states_KPH.transpose(0, 1).clone() for states_KPH in states_2KPH)
        layer.prefix = PrefixStates(key_PKH, value_PKH, places)


def _attentions(model: PreTrainedModel) -> list[RotaryAttention]:
    return [module for module in model.modules() if isinstance(module, RotaryAttention)]


def _prefixes(model: PreTrainedModel) -> list[PrefixStates]:
    return [module for module in model.modules() if isinstance(module, PrefixStates)]


def _drawn_ids(model: PreTrainedModel, num: int, seed: int) -> Tensor:
    """(P,) ids on the model's device."""
    num_common = min(NUM_COMMON, model.get_input_embeddings().weight.shape[0])
    drawn_P = torch.randint(num_common, (num,), generator=torch.Generator().manual_seed(seed))
    return drawn_P.to(model.device)
