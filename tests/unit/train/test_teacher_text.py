"""What a teacher writes against transformers' own greedy answers, and which of its answers are learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import make_chat
from transformers import AutoModelForCausalLM

from tunesmith.chat import load_chat
from tunesmith.errors import Place, RunFailed
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.recipe import DistillText, Train
from tunesmith.records import Completion, Example, Message, Rendered
from tunesmith.runtime import Runtime, Silent
from tunesmith.train.teacher_text import learned_answers, rows_of_teacher
from tunesmith.train.training import Training

QUESTIONS = ("What is your name?", "Which colour is the sky?", "What is 2 plus 3?", "Box 4 is red")


def examples() -> list[Example]:
    said = (Message("user", "Hello"), Message("assistant", "Hello, what is it?"))
    return [
        Example(str(n), (*(said if n % 2 else ()), Message("user", text), Message("assistant", "mine")), Place("f", n))
        for n, text in enumerate(QUESTIONS)
    ]


def asked(folder: Path, max_new_tokens: int, rows: list[Example]) -> list[Rendered]:
    base = find_base(BUILTIN)
    objective = DistillText(teacher=BUILTIN, max_new_tokens=max_new_tokens)
    training = Training(
        name="tuned",
        dataset=SimpleNamespace(key="rows", rows=lambda split: rows if split == "train" else []),  # type: ignore[arg-type]
        base=base,
        chat=load_chat(base.folder),
        plan=SimpleNamespace(body=SimpleNamespace(precision="fp32")),  # type: ignore[arg-type]
        section=Train(objective=objective),
        seed=0,
        teacher=base,
    )
    return rows_of_teacher(training, objective, base, Runtime(folder / "work", folder / "cache"), Silent())


def greedy(prompt: list[int], max_new_tokens: int) -> list[int]:
    """Transformers' answer, end token included."""
    model = AutoModelForCausalLM.from_pretrained(find_base(BUILTIN).folder, dtype=torch.float32).eval()
    ids = torch.tensor([prompt])
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=max_new_tokens, repetition_penalty=1.0
    )
    answer: list[int] = found[0, len(prompt) :].tolist()
    return answer


@pytest.mark.thorough
def test_the_answers_are_transformers_own_and_alone_are_learned(tmp_path: Path) -> None:
    chat = load_chat(find_base(BUILTIN).folder)
    rows = asked(tmp_path, 64, examples())
    assert [row.id for row in rows] == ["0", "1", "2", "3"]
    for row, example in zip(rows, examples(), strict=True):
        prompt = chat.prompt_ids(example.prompt)
        answer = greedy(prompt, 64)
        assert row.ids_T.tolist() == prompt + answer
        assert row.weights_T.tolist() == [0.0] * len(prompt) + [1.0] * len(answer)
    # from the cache, where nobody is asked
    again = asked(tmp_path, 64, [])
    for one, other in zip(rows, again, strict=True):
        assert (one.id, one.ids_T.tolist()) == (other.id, other.ids_T.tolist())


@pytest.mark.thorough
def test_an_answer_that_does_not_end_is_not_learned(tmp_path: Path) -> None:
    lengths = [row.num_supervised for row in asked(tmp_path, 64, examples())]
    room = sorted(lengths)[1]
    kept = [row.id for row in asked(tmp_path, room, examples())]
    assert kept == [str(n) for n, length in enumerate(lengths) if length <= room]
    assert 0 < len(kept) < len(lengths)
    with pytest.raises(RunFailed) as refused:
        asked(tmp_path, min(lengths) - 1, examples())
    assert refused.value.code == "teacher-silent"
    assert refused.value.message("zh") != refused.value.message("en")


def test_empty_foreign_and_long_answers_are_left_out(tmp_path: Path) -> None:
    chat = make_chat(tmp_path)
    plain = Completion("yes", Message("assistant", "yes"), 5, 2, "stop")
    said = [
        plain,
        replace(plain, message=Message("assistant", "", "only thought")),
        replace(plain, message=Message("assistant", "no <|end|> of it")),
        replace(plain, message=Message("assistant", "very " * 400)),
    ]
    (row,) = learned_answers(chat, examples(), said, max_tokens=100)
    assert row.id == "0"
    prompt = chat.prompt_ids(examples()[0].prompt)
    assert row.ids_T[: len(prompt)].tolist() == prompt
    assert np.flatnonzero(row.weights_T).min() == len(prompt)
