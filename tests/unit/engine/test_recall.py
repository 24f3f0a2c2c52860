"""What a model would have written of given rows, against a plain forward pass and against generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tiny_models import make_chat, make_model, twin_of

from tunesmith.engine.recall import greedy_hits
from tunesmith.errors import Place
from tunesmith.records import Example, Message, Rendered

TEXTS = ["The answer is forty-two.", "苹果有三个，梨有五个。", "The answer is forty-one.", "pears"]


def examples(answers: list[str]) -> list[Example]:
    messages = [(Message("user", f"question {n // 2}?"), Message("assistant", text)) for n, text in enumerate(answers)]
    return [Example("same", pair, Place("")) for pair in messages]


def test_hits_are_the_likeliest_tokens_of_a_plain_pass(tmp_path: Path) -> None:
    model, chat = make_model("llama"), make_chat(tmp_path)
    rows = chat.training_rows(examples(TEXTS), "last")
    plain = twin_of(model, "sdpa")
    num_hits = 0
    for row, hits in zip(rows, greedy_hits(model, rows), strict=True):
        ids = torch.from_numpy(row.ids_T).long()
        likeliest = plain(ids[None]).logits[0].argmax(1)[:-1] == ids[1:]
        expected = likeliest.numpy()[row.weights_T[1:] != 0]
        assert np.array_equal(hits, expected)
        num_hits += int(hits.sum())
    assert num_hits < sum(row.num_supervised for row in rows)


def test_what_a_model_writes_greedily_hits_up_to_what_is_changed(tmp_path: Path) -> None:
    model, chat = make_model("qwen3", seed=1), make_chat(tmp_path)
    plain = twin_of(model, "eager")
    ids = prompt = chat.prompt_ids((Message("user", "What is the answer?"),))
    for _ in range(10):
        ids = [*ids, int(plain(torch.tensor([ids])).logits[0, -1].argmax())]
    changed = [*ids[:-4], (ids[-4] + 1) % 300, *ids[-3:]]
    weights_T = np.array([0.0] * len(prompt) + [1.0] * 10, np.float32)
    rows = [Rendered("a", np.array(row, np.int32), weights_T) for row in (ids, changed)]
    written, otherwise = greedy_hits(model, rows)
    assert written.tolist() == [True] * 10
    assert otherwise.tolist()[:7] == [True] * 6 + [False]
