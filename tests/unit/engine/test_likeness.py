"""How alike two models answer, against plain forward passes of transformers and the formulas written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import make_chat, make_model, twin_of
from transformers import PreTrainedModel

from tunesmith.engine import likeness as likeness_module
from tunesmith.engine.likeness import Predictions, answer_rows, likeness, margins, predictions, share_of, token_logs
from tunesmith.engine.local import LocalEngine

MAX_TOKENS = 256
NOISE = 0.05
PROMPTS = [[5, 9, 11, 40, 7, 8], [5, 9, 11, 40, 7, 8], [3, 300], list(range(60, 90))]
ANSWERS = [[17, 4, 4, 250], [17, 5], [9], [33, 2, 1, 7, 8, 9, 100, 12, 13, 200, 31]]


@pytest.fixture(scope="module")
def judged() -> PreTrainedModel:
    return make_model("qwen2", seed=4)


@pytest.fixture(scope="module")
def other(judged: PreTrainedModel) -> PreTrainedModel:
    """The same model with noise on every weight, as rounding makes it."""
    model = make_model("qwen2", seed=4)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + NOISE * torch.randn(parameter.shape, generator=generator))
    return model


@torch.no_grad()
def full_logits(model: PreTrainedModel) -> np.ndarray:
    """(Q, V) by transformers alone, one row at a time, whole."""
    twin, found = twin_of(model, "eager"), []
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        logits_TV = twin(torch.tensor([[*prompt, *answer]])).logits[0].double().numpy()
        found.append(logits_TV[len(prompt) - 1 : -1])
    return np.concatenate(found)


def shares(logits_QV: np.ndarray) -> np.ndarray:
    powers_QV = np.exp(logits_QV - logits_QV.max(1, keepdims=True))
    return powers_QV / powers_QV.sum(1, keepdims=True)


def test_figures_equal_the_formulas_over_full_logits(
    judged: PreTrainedModel, other: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness_module, "CHUNK_PLACES", 5)
    monkeypatch.setattr(likeness_module, "SLAB_TOKENS", 100)
    distances_Q = np.diff(np.sort(full_logits(judged), axis=1)[:, -2:])[:, 0]
    tie = float(np.sort(distances_Q)[6:8].mean())  # so that there are some, and none on the edge
    monkeypatch.setattr(likeness_module, "NEAR_TIE", tie)
    rows = answer_rows(PROMPTS, ANSWERS)
    given = [predictions(LocalEngine(model, make_chat(tmp_path), MAX_TOKENS), rows) for model in (judged, other)]
    found = likeness(*given)

    logits_QV, others_QV = full_logits(judged), full_logits(other)
    shares_QV, theirs_QV = shares(logits_QV), shares(others_QV)
    targets_Q = np.concatenate([np.array(answer) for answer in ANSWERS])
    kl_Q = (shares_QV * np.log(shares_QV / theirs_QV)).sum(1)
    token = np.arange(len(targets_Q)), targets_Q
    sorted_QV = np.sort(logits_QV, axis=1)
    is_decided_Q = sorted_QV[:, -1] - sorted_QV[:, -2] >= tie
    agrees_Q = logits_QV.argmax(1) == others_QV.argmax(1)
    assert 0 < is_decided_Q.sum() < len(targets_Q)
    assert 0 < agrees_Q[is_decided_Q].sum() < is_decided_Q.sum()
    assert found.num_tokens == len(targets_Q)
    assert found.num_near_ties == (~is_decided_Q).sum()
    assert found.num_agreeing == agrees_Q[is_decided_Q].sum()
    assert found.token_agreement == agrees_Q[is_decided_Q].mean()
    assert found.mean_kl == pytest.approx(kl_Q.mean(), rel=1e-4)
    assert found.max_difference == pytest.approx(np.abs(np.log(shares_QV[token] / theirs_QV[token])).max(), rel=1e-4)
    np.testing.assert_allclose(token_logs(given[0]), np.log(shares_QV[token]), atol=1e-4)
    sure = margins(given[0], torch.float32)
    np.testing.assert_allclose(sure.apart_Q, sorted_QV[:, -1] - sorted_QV[:, -2], atol=1e-4)
    assert (sure.is_tie_Q == ~is_decided_Q).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_sixteen_bits_two_logits_less_than_a_step_apart_are_tied(dtype: torch.dtype) -> None:
    """A step is the distance of the next larger number that the type has."""
    for top in (1.0, 5.5, 17.0, 31.9, -3.0):
        logit = torch.tensor(abs(top), dtype=dtype)
        step = float(torch.nextafter(logit, torch.tensor(torch.inf, dtype=dtype)) - logit)
        for share, expected in ((0.98, True), (1.02, max(step * 1.02, 0.01) == 0.01)):
            logits_QV = torch.tensor([[top, top - share * step, top - 9.0]], dtype=torch.float64)
            given = Predictions(logits_QV, lambda states: states, torch.tensor([0]))
            assert margins(given, dtype).is_tie_Q.tolist() == [expected]


def test_a_model_is_like_itself_and_what_is_no_number_is_not_left_out(judged: PreTrainedModel, tmp_path: Path) -> None:
    given = predictions(LocalEngine(judged, make_chat(tmp_path), MAX_TOKENS), answer_rows(PROMPTS, ANSWERS))
    found = likeness(given, given)
    assert (found.token_agreement, found.mean_kl, found.max_difference) == (1.0, 0.0, 0.0)
    broken = predictions(LocalEngine(judged, make_chat(tmp_path), MAX_TOKENS), answer_rows(PROMPTS, ANSWERS))
    broken.states_QD[-1, 0] = torch.nan
    found = likeness(given, broken)
    assert np.isnan(found.mean_kl)
    assert np.isnan(found.max_difference)


def test_no_answer_at_all_is_no_disagreement(judged: PreTrainedModel, tmp_path: Path) -> None:
    assert share_of(0, 0) == 1.0
    rows = answer_rows(PROMPTS[:2], [[], []])
    given = predictions(LocalEngine(judged, make_chat(tmp_path), MAX_TOKENS), rows)
    assert likeness(given, given).num_tokens == 0


def test_an_answer_written_alone_is_that_of_the_engine(judged: PreTrainedModel, tmp_path: Path) -> None:
    engine = LocalEngine(judged, make_chat(tmp_path), 40)
    written = engine.write(PROMPTS[0], 12)
    with torch.no_grad():
        ids = twin_of(judged, "eager").generate(
            torch.tensor([PROMPTS[0]]), do_sample=False, max_new_tokens=12, eos_token_id=-1, pad_token_id=0
        )
    own = ids[0, len(PROMPTS[0]) :].tolist()
    stops = [place for place, token in enumerate(own) if token in engine.chat.end_ids]
    assert list(written.ids) == own[: stops[0] + 1 if stops else None]
    assert written.seconds > 0
    assert len(engine.write(PROMPTS[3], 100).ids) <= 10
    assert engine.write(list(range(40)), 12).ids == ()
