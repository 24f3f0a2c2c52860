"""Plain texts scored and continued, against a forward pass of transformers over each text alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import make_model, save_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.texts import Texts
from tunesmith.model.load import load_model
from tunesmith.records import Sampling

MAX_TOKENS = 48
LONG = "First count the apples, then the pears, and say what you found step by step. " * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), make_model("qwen2"))


@pytest.fixture(scope="module")
def texts(folder: Path) -> Texts:
    model = load_model(folder, dtype=torch.float32, device="cpu")
    return Texts(LocalEngine(model, load_chat(folder), MAX_TOKENS), MAX_TOKENS)


@pytest.fixture(scope="module")
def plain(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model


def ids_of(folder: Path, text: str) -> list[int]:
    ids: list[int] = load_chat(folder).tokenizer.encode(text, add_special_tokens=False).ids
    return ids


@torch.no_grad()
def scored(plain: PreTrainedModel, ids: list[int], num_scored: int) -> tuple[float, bool]:
    """The last tokens of a row, each by the distribution at the one before it."""
    logs = plain(torch.tensor([ids])).logits[0].log_softmax(1)
    places = range(len(ids) - num_scored, len(ids))
    total = sum(logs[place - 1, ids[place]].item() for place in places)
    return total, all(logs[place - 1].argmax().item() == ids[place] for place in places)


def test_a_text_behind_another_is_as_likely_as_its_tokens(texts: Texts, plain: PreTrainedModel, folder: Path) -> None:
    begin = load_chat(folder).begin_id
    pairs = [("What is the answer?", " forty-two"), ("What is ", "the answer"), ("问题的", "答案"), ("", "then")]
    wanted = []
    for before, text in pairs:
        ids, num_before = ids_of(folder, before + text), len(ids_of(folder, before.rstrip()))
        wanted.append(
            scored(plain, ids, len(ids) - num_before) if num_before else scored(plain, [begin, *ids], len(ids))
        )
    found = texts.likelihoods(pairs)
    assert [score for score, _ in found] == pytest.approx([score for score, _ in wanted], abs=1e-3)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]


def test_of_what_is_too_long_the_end_is_read(texts: Texts, plain: PreTrainedModel, folder: Path) -> None:
    num_before = len(ids_of(folder, LONG.rstrip()))
    ((found, _),) = texts.likelihoods([(LONG.rstrip(), " forty")])
    ids = ids_of(folder, LONG.rstrip() + " forty")
    wanted, _ = scored(plain, ids[-MAX_TOKENS:], len(ids) - num_before)
    assert len(ids) > MAX_TOKENS
    assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("num_tokens", [1, MAX_TOKENS - 1, MAX_TOKENS, MAX_TOKENS + 1, 2 * MAX_TOKENS + 5])
def test_each_token_of_a_whole_text_is_scored_once(
    texts: Texts, plain: PreTrainedModel, folder: Path, num_tokens: int
) -> None:
    chat = load_chat(folder)
    ids = ids_of(folder, LONG)[:num_tokens]
    text = chat.tokenizer.decode(ids)
    assert ids_of(folder, text) == ids
    row = [chat.begin_id, *ids]
    total, done = 0.0, 1
    while done < len(row):
        end = min(len(row), done + MAX_TOKENS - 1)
        total += scored(plain, row[max(0, end - MAX_TOKENS) : end], end - done)[0]
        done = end
    assert texts.whole_likelihoods(["", text]) == pytest.approx([0.0, total], abs=2e-3)


def test_what_is_written_is_what_is_likeliest(texts: Texts, plain: PreTrainedModel, folder: Path) -> None:
    begun = ["First count the apples", "", LONG]
    written = texts.continued(begun, Sampling(max_new_tokens=6))
    chat = load_chat(folder)
    for text, said in zip(begun, written, strict=True):
        row = ids_of(folder, text)[-(MAX_TOKENS - 6) :] or [chat.begin_id]
        num = len(row)
        while len(row) < num + 6 and (len(row) == num or row[-1] not in chat.end_ids):
            row.append(int(plain(torch.tensor([row])).logits[0, -1].argmax()))
        assert said == chat.decode([id for id in row[num:] if id not in chat.end_ids])
