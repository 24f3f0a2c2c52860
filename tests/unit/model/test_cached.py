"""Attention to keys that lie anywhere against the formula written out, and models over the store against themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from flash_reference import flash_on_cpu
from tiny_bases import make_gpt2
from tiny_models import make_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model import cached
from tunesmith.model.cached import CachedLayout, KeyValueStore, attend_cached
from tunesmith.model.fuse import fuse

ROWS = [(1, 9), (1, 1), (3, 3), (4, 21)]  # new tokens, keys


def written_out(
    query_THD: Tensor, key_NKD: Tensor, value_NKD: Tensor, places: list[np.ndarray], scaling: float
) -> Tensor:
    outs, token = [], 0
    for (num_new, num_keys), where in zip(ROWS, places, strict=True):
        for number in range(num_new):
            seen = where[: num_keys - num_new + number + 1]
            for head in range(query_THD.shape[1]):
                key_head = head * key_NKD.shape[1] // query_THD.shape[1]
                scores = torch.stack([query_THD[token, head] @ key_NKD[place, key_head] for place in seen]) * scaling
                outs.append(scores.double().softmax(0).to(query_THD.dtype) @ value_NKD[seen, key_head])
            token += 1
    return torch.stack(outs).view(token, query_THD.shape[1], -1)


@pytest.mark.parametrize(
    ("way", "max_direct"), [("native", 1 << 18), ("native", 20), ("native", 0), ("plain", 0), ("flash", 0)]
)
@pytest.mark.parametrize(("num_heads", "num_key_heads", "size"), [(4, 2, 16), (3, 1, 8), (2, 2, 20)])
def test_attention_is_that_of_the_formula(
    monkeypatch: pytest.MonkeyPatch, way: str, max_direct: int, num_heads: int, num_key_heads: int, size: int
) -> None:
    monkeypatch.setattr(cached, "MAX_DIRECT_SCORES", max_direct)
    monkeypatch.setattr(cached, "is_native", lambda x: way == "native")
    monkeypatch.setattr(cached.flash, "takes", lambda x: way == "flash")
    generator = torch.Generator().manual_seed(0)
    key_NKD, value_NKD = (torch.randn(50, num_key_heads, size, generator=generator) for _ in range(2))
    query_THD = torch.randn(sum(new for new, _ in ROWS), num_heads, size, generator=generator)
    random = np.random.default_rng(0)
    places = [random.permutation(50)[:num_keys] for _, num_keys in ROWS]
    expected = written_out(query_THD, key_NKD, value_NKD, places, 0.3)
    read_Y = torch.from_numpy(np.concatenate(places))
    if way == "flash":  # its operators read keys that lie together
        key_NKD, value_NKD, read_Y = key_NKD[read_Y], value_NKD[read_Y], torch.arange(len(read_Y))
    num_new_R, num_keys_R = (np.array(column) for column in zip(*ROWS, strict=True))
    layout = CachedLayout(num_new_R, num_keys_R, read_Y, torch.float32)
    with flash_on_cpu():
        found = attend_cached(query_THD, key_NKD, value_NKD, layout, 0.3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def make(architecture: str) -> PreTrainedModel:
    if architecture == "gpt2":
        return make_gpt2(seed=2)
    model = make_model(architecture.removesuffix("-fused"), seed=2)
    if architecture.endswith("-fused"):
        fuse(model)
    return model


@pytest.mark.parametrize(
    ("architecture", "gathers"),
    [
        *((name, False) for name in ("qwen2", "qwen2-fused", "llama-fused", "qwen3-fused", "qwen2_moe-fused", "gpt2")),
        # what latent attention keeps is widened before it is read
        *((name, True) for name in ("qwen2-fused", "deepseek_v3", "deepseek_v3-fused", "gpt2")),
    ],
)
@torch.no_grad()
def test_steps_over_the_store_are_one_pass(architecture: str, gathers: bool) -> None:
    """Two rows, read in stretches beside each other, one of them behind places that the other one computed."""
    model = make(architecture)
    ids = torch.randint(5, 300, (1, 24), generator=torch.Generator().manual_seed(1))
    other = torch.cat((ids[:, :8], ids.flip(1)[:, :9]), 1)
    expected = [model.base_model(input_ids=each).last_hidden_state[0] for each in (ids, other)]
    store = KeyValueStore(64, dtype=model.dtype, device=torch.device("cpu"), gathers=gathers)
    random = np.random.default_rng(3)
    first = random.permutation(np.arange(1, 64))[:40]
    places = [first[:24], np.concatenate((first[:8], first[24:33]))]

    def step(*rows: tuple[int, int, int]) -> list[Tensor]:
        """(row, first, stop) of its new tokens"""
        rows_ids = (ids, other)
        layout = store.begin([places[row][:stop] for row, _, stop in rows], [stop - start for _, start, stop in rows])
        found = model.base_model(
            input_ids=torch.cat([rows_ids[row][:, start:stop] for row, start, stop in rows], 1),
            position_ids=torch.cat([torch.arange(start, stop) for _, start, stop in rows])[None],
            past_key_values=store,
            use_cache=True,
            layout=layout,
        ).last_hidden_state[0]
        return list(found.split([stop - start for _, start, stop in rows]))

    (a,) = step((0, 0, 10))
    b, c = step((0, 10, 11), (1, 8, 15))
    d, e = step((0, 11, 12), (1, 15, 16))
    f, g = step((1, 16, 17), (0, 12, 24))
    for found, place in ((a, (0, 0, 10)), (b, (0, 10, 11)), (c, (1, 8, 15)), (d, (0, 11, 12)), (e, (1, 15, 16))):
        row, start, stop = place
        torch.testing.assert_close(found, expected[row][start:stop], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(f, expected[1][16:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(g, expected[0][12:], rtol=1e-4, atol=1e-4)


def test_bf16_is_rounded_once() -> None:
    generator = torch.Generator().manual_seed(0)
    wide = [torch.randn(9, 2, 32, generator=generator).bfloat16() for _ in range(3)]
    layout = CachedLayout(np.ones(9, np.int64), np.full(9, 9), torch.arange(9).repeat(9), torch.bfloat16)
    found = attend_cached(wide[0], wide[1], wide[2], layout, 1 / math.sqrt(32))
    query, key, value = (states.float() for states in wide)
    shares = (torch.einsum("thd,jhd->htj", query, key) / math.sqrt(32)).softmax(-1)
    torch.testing.assert_close(found, torch.einsum("htj,jhd->thd", shares, value).bfloat16(), rtol=0.008, atol=1e-3)
