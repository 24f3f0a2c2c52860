"""Answers survive a kill, a torn line does not count, and nothing is asked twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tunesmith.artifacts.folder import hash_file
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.arms import Asking
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.kept import open_kept
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.records import Message, Sampling

NAMES = [f"base test {place}" for place in range(5)]


def squares(asked: list[int], stop_at: int = 99) -> Callable[[list[int], Callable[[int, Any], None]], None]:
    def ask(missing: list[int], keep: Callable[[int, Any], None]) -> None:
        for place in missing:
            if place == stop_at:
                raise KeyboardInterrupt
            asked.append(place)
            keep(place, {"square": place * place, "said": "四"})

    return ask


def test_only_what_is_missing_is_asked_again(tmp_path: Path) -> None:
    file, asked = tmp_path / "answers" / "a.jsonl", []  # type: ignore[var-annotated]
    with suppress(KeyboardInterrupt), open_kept(file) as kept:
        kept.complete(NAMES, squares(asked, stop_at=3))
    assert asked == [0, 1, 2]
    with file.open("a", encoding="utf-8") as stream:
        stream.write('["base test 3", {"square": 9')  # a kill tore it
    with open_kept(file) as kept:
        assert [each["square"] for each in kept.complete(NAMES, squares(asked))] == [0, 1, 4, 9, 16]
        assert kept.complete(NAMES[:1], squares([], stop_at=0)) == [{"square": 0, "said": "四"}]
    assert asked == [0, 1, 2, 3, 4]
    assert not file.exists()


def test_a_line_behind_a_torn_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('["x", 1]\n["y", 2', encoding="utf-8")
    with suppress(KeyboardInterrupt), open_kept(file) as kept:
        kept.keep("z", 3)
        raise KeyboardInterrupt
    assert file.read_text(encoding="utf-8") == '["x", 1]\n["z", 3]\n'
    before = hash_file(file)
    with suppress(KeyboardInterrupt), open_kept(file) as kept:
        assert kept.complete(["x", "z"], squares([], stop_at=0)) == [1, 3]
        raise KeyboardInterrupt
    assert hash_file(file) == before


@pytest.mark.thorough
def test_a_model_that_was_stopped_answers_what_one_does_that_was_not(tmp_path: Path) -> None:
    base = find_base(BUILTIN)
    model = load_model(base.folder, dtype=compute_dtype("fp32"), device="cpu")
    engine = LocalEngine(model, load_chat(base.folder), base.max_tokens)
    prompts = [(Message("user", f"Say {number} words about a lamp."),) for number in range(6)]
    answer = Message("assistant", "light")
    items = [Item(str(place), "test", prompt, answer, ("light",)) for place, prompt in enumerate(prompts)]
    sampling = Sampling(temperature=1.0, num_samples=2, max_new_tokens=8, seed=3)
    labels = [Message("assistant", label) for label in ("light", "lamp", "dark")]
    with open_kept(tmp_path / "whole.jsonl") as kept:
        whole = Asking(engine, kept, lambda done: None).completions("base", items, prompts, sampling)
        scores = Asking(engine, kept, lambda done: None).likelihoods("labels", items, prompts, labels)

    # an earlier attempt has the answers of three, by whatever batch
    with suppress(KeyboardInterrupt), open_kept(tmp_path / "part.jsonl") as kept:
        asking = Asking(engine, kept, lambda done: None)
        asking.completions("base", items[:3], prompts[:3], sampling)
        asking.likelihoods("labels", items[:2], prompts[:2], labels)
        raise KeyboardInterrupt
    done: list[int] = []
    asked: list[int] = []
    with open_kept(tmp_path / "part.jsonl") as kept:
        keep, kept.keep = kept.keep, lambda name, found: (asked.append(1), keep(name, found))  # type: ignore[assignment,method-assign]
        asking = Asking(engine, kept, done.append)
        assert asking.completions("base", items, prompts, sampling) == whole
        resumed = asking.likelihoods("labels", items, prompts, labels)
    assert len(asked) == 3 + 4
    assert sum(done) == len(prompts) * sampling.num_samples + len(prompts)
    for row, expected in zip(resumed, scores, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)
