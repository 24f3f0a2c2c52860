"""What decides about a dataset makes another dataset when it changes; nothing is made twice."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, write_jsonl
from pydantic import ValidationError

from tunesmith import lifecycle
from tunesmith.chat import Chat
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.prepare import identity, walk
from tunesmith.recipe import Prepare, Recipe
from tunesmith.runtime import Runtime, Silent

KEYS = (b"thirty-two bytes or more of secret", b"another secret of thirty-two bytes")


def section(file: str, **settings: Any) -> Prepare:
    return Prepare.model_validate({"sources": file, **settings})


def rows(num_rows: int) -> list[dict[str, str]]:
    return [{"question": f"what of topic {n} in month {n * 7}?", "answer": f"answer {n}"} for n in range(num_rows)]


def test_a_changed_file_of_examples_is_another_dataset(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", rows(3))
    examples = tmp_path / "task.txt"
    wanted = section(file, clean={"relevance": {"examples": str(examples), "threshold": 0.1}})
    with pytest.raises(TunesmithError, match="examples-unreadable"):
        identity(wanted, 0)
    keys = set()
    for text in ("what of topics?", "what of months?"):
        examples.write_text(text, encoding="utf-8")
        keys |= {identity(wanted, 0).key(), identity(wanted, 0).key()}
    assert len(keys) == 2


def test_another_personal_key_is_another_dataset_and_is_not_told(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", rows(3))
    sealed = section(file, personal={"mode": "pseudonym", "key": "NAME"})
    made = [identity(sealed, 0, None, key) for key in (*KEYS, KEYS[0])]
    assert made[0].key() == made[2].key() != made[1].key()
    traces = [one.inputs["personal.key"] for one in made]
    assert all(len(trace) == 16 and bytes.fromhex(trace) not in key for trace, key in zip(traces, KEYS, strict=False))
    with pytest.raises(TunesmithError, match="personal-key-missing"):
        identity(sealed, 0)
    assert "personal.key" not in identity(section(file, personal={"mode": "mask"}), 0).inputs


def test_another_model_of_meaning_is_another_dataset(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", rows(3))
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    keys = set()
    for name, text in (("config.json", "{}"), ("1_Pooling/config.json", "{}"), ("config.json", '{"a": 1}')):
        (folder / name).write_text(text, encoding="utf-8")
        for sections in ({"duplicates": {"semantic": {"model": str(folder)}}}, {"personal": {"model": str(folder)}}):
            keys.add(identity(section(file, **sections), 0).key())
    assert len(keys) == 6


@pytest.mark.parametrize(
    "shares", [{"test_share": 1.0}, {"validation_share": 0.9}, {"validation_share": 0.7, "test_share": 0.3}]
)
def test_shares_that_leave_nothing_to_train_on_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="held_out_shares"):
        section("rows.jsonl", **shares)


def edited_texts() -> list[str]:
    """Groups of texts with one or two letters changed: pairs a little under and a little over the threshold."""
    draw, letters, texts = random.Random(1), "abcdefghijklmnopqrstuvwxyz", set()
    for _ in range(12):
        base = draw.choices(letters, k=80)
        for _ in range(16):
            text = list(base)
            for place in draw.sample(range(80), draw.randint(1, 2)):
                text[place] = draw.choice(letters)
            texts.add("".join(text))
    return sorted(texts)


@pytest.mark.thorough
def test_the_order_of_rows_plays_no_part_in_what_is_near(tmp_path: Path, run: Run) -> None:
    texts, found = edited_texts(), set()
    for seed in range(2):
        random.Random(seed).shuffle(texts)
        file = write_jsonl(tmp_path / f"{seed}.jsonl", [{"question": text, "answer": "a"} for text in texts])
        lines = (run(file, out=str(seed)).folder / "clusters.jsonl").read_text(encoding="utf-8").splitlines()
        found.add(frozenset(frozenset(json.loads(line)["rows"]) for line in lines))
    (clusters,) = found
    # what comparing every pair finds, the rows of at most one cluster apart
    parts = [frozenset(text[start : start + 5] for start in range(76)) for text in texts]
    near = [(one, other) for one, other in combinations(parts, 2) if len(one & other) >= 0.8 * len(one | other)]
    assert len(near) > 50
    assert sum(map(len, clusters)) == pytest.approx(len(set().union(*map(set, near))), abs=2)


def test_a_second_run_prepares_and_renders_nothing(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the same command again nor the stages after prepare tokenise a row of which the tokens are there."""
    counts = {"chunks": 0, "rows": 0}
    render, check = Chat.training_rows, walk.check_chunk

    def counting(self: Chat, examples: Any, supervise: Any = "answers") -> Any:
        counts["rows"] += len(examples)
        return render(self, examples, supervise)

    def checking(*arguments: Any) -> Any:
        counts["chunks"] += 1
        return check(*arguments)

    monkeypatch.setattr(Chat, "training_rows", counting)
    monkeypatch.setattr(walk, "check_chunk", checking)
    file = write_jsonl(tmp_path / "a.jsonl", rows(40))
    recipe = Recipe.model_validate({"name": "twice", "prepare": {"sources": file}})

    def all_stages(machine: Runtime) -> None:
        job = Job(recipe, machine, Silent())
        dataset = lifecycle.prepare(job)
        lifecycle.plan(job, dataset)

    all_stages(runtime)
    # measured once against the model, rendered once for all that comes after
    assert counts == {"chunks": 1, "rows": 40 + 40}
    all_stages(runtime)
    assert counts == {"chunks": 1, "rows": 40 + 40}
    # another machine plans anew, with the rows that the first one rendered
    all_stages(replace(runtime, has_bf16_products=not runtime.has_bf16_products))
    assert counts == {"chunks": 1, "rows": 40 + 40}
