"""The embedded base can be taught every token: none shares its vector with another."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import normalize

from tools.build_tiny_base import OUT, RARE, RARE_LENGTH, tell_rare_tokens_apart
from tunesmith.chat import load_chat


@pytest.fixture(scope="module")
def cosines_VV() -> torch.Tensor:
    vectors_VD = load_file(OUT / "model.safetensors")["model.embed_tokens.weight"].float()
    directions_VD = normalize(vectors_VD, dim=1)
    return directions_VD @ directions_VD.T


def test_no_two_tokens_of_the_embedded_base_have_one_vector(cosines_VV: torch.Tensor) -> None:
    cosines_VV = cosines_VV.clone().fill_diagonal_(-1.0)
    assert cosines_VV.max() < 0.98


def test_what_json_and_labels_are_written_with_can_be_told_apart(cosines_VV: torch.Tensor) -> None:
    tokenizer = load_chat(OUT).tokenizer
    signs = "_{}[]|@#$%&*^~\\"
    ids = [tokenizer.encode(sign, add_special_tokens=False).ids[0] for sign in signs]
    among_them = cosines_VV[ids][:, ids].clone().fill_diagonal_(-1.0)
    assert among_them.max() < 0.95


def test_only_the_vectors_of_rare_tokens_change() -> None:
    embedding = torch.nn.Embedding(1000, 64, dtype=torch.bfloat16)
    before_VD = embedding.weight.detach().clone()
    num_shown_V = torch.full((1000,), RARE)
    num_shown_V[:400] = torch.arange(400) % RARE
    tell_rare_tokens_apart(embedding, num_shown_V)
    change_V = (embedding.weight.detach().float() - before_VD.float()).norm(dim=1)
    assert torch.all(change_V[400:] == 0)
    assert torch.all(change_V[:400] > 0)
    assert change_V[:400].mean().item() == pytest.approx(RARE_LENGTH, rel=0.03)
