"""Reasoning by a teacher: what passes is kept, held-out rows stay, nothing is asked twice, every answer is counted."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chat_server import serving
from prepare_material import Listening, Run, check_counts, write_jsonl
from pydantic import ValidationError

from tunesmith.artifacts import Dataset
from tunesmith.errors import RunFailed
from tunesmith.prepare import Fits, recheck
from tunesmith.prepare.index import DTYPES, Spool
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Example
from tunesmith.runtime import Runtime

NUM_ROWS = 60
LONG = 400


def sums(folder: Path, name: str = "sums.jsonl") -> str:
    """Sums in two languages, every fifth one with reasoning of its own."""
    rows = []
    for n in range(NUM_ROWS):
        question = f"What is {n} and {2 * n} together?" if n % 2 else f"{n} 加 {2 * n} 一共是多少？"
        row = {"question": question, "answer": str(3 * n)}
        rows.append(row | {"reasoning": f"own {n}"} if n % 5 == 0 else row)
    return write_jsonl(folder / name, rows)


class Teacher:
    """Right at the second try where n is a multiple of 3; in every other way wrong where the row says so."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, system: str, text: str) -> str:
        self.asked[text] += 1
        n, other = map(int, re.findall(r"\d+", text))
        answer = n + other
        thought = f"add {n}" if text.isascii() else f"把{n}加上去"
        if n % 3 == 0 and self.asked[text] == 1:
            return f"<think>{thought}</think>{answer + 1}"
        if n % 7 == 1:
            return f"It is {answer}."
        if n % 7 == 2:
            return f"<think>{thought} and on and on"
        if n % 7 == 3:
            return f"<think>{'想一想' if text.isascii() else 'let me see'}</think>{answer}"
        return f"<think>\n{thought}\n</think>\n\n**Answer:** {answer}"


def teacher(url: str, **settings: Any) -> dict[str, Any]:
    return {"reasoning": "synthesise", "teacher": {"url": url, "model": "sage", "tries": 3, **settings}}


def rejects_of(dataset: Dataset) -> list[dict[str, Any]]:
    lines = (dataset.folder / "trace_rejects.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def number_of(row: Example) -> int:
    return int(re.findall(r"\d+", row.prompt[-1].content)[0])


def expected_end(n: int) -> str | None:
    """Why no answer to a sum passes; None where one does."""
    return {1: "trace-absent", 2: "trace-unclosed", 3: "trace-language"}.get(n % 7)


@pytest.mark.thorough
def test_thinking_that_comes_to_the_answer_is_kept(
    run: Run, tmp_path: Path, runtime: Runtime, progress: Listening
) -> None:
    source = sums(tmp_path)
    plain = run(source, out="plain")
    with serving(Teacher()) as server:
        dataset = run(source, **teacher(server.url, licence="MIT"))
    report = check_counts(dataset)
    for split in ("validation", "test"):
        assert (dataset.folder / f"{split}.jsonl").read_bytes() == (plain.folder / f"{split}.jsonl").read_bytes()
    before = {number_of(row): row for row in plain.rows("train")}
    after = {number_of(row): row for row in dataset.rows("train")}
    assert before.keys() == after.keys()
    asked = [n for n in before if n % 5]
    rejected: Counter[str] = Counter()
    for n, row in after.items():
        failure = expected_end(n)
        if n % 5 == 0 or failure:
            assert row == before[n]
        else:
            assert row.answer.content == before[n].answer.content == str(3 * n)
            assert row.answer.reasoning == (f"add {n}" if n % 2 else f"把{n}加上去")
            assert row.metadata["reasoning_by"] == "sage"
            assert row.metadata["id_without_reasoning"] == before[n].id != row.id
        if n % 5:
            rejected["trace-wrong"] += n % 3 == 0
            rejected[failure or ""] += (3 - (n % 3 == 0)) if failure else 0
    synthesis = report.synthesis
    assert synthesis is not None
    assert synthesis.rejected == {reason: count for reason, count in rejected.items() if count}
    assert synthesis.rejected == Counter(row["reason"] for row in rejects_of(dataset))
    assert (synthesis.rows, synthesis.kept) == (len(asked), sum(expected_end(n) is None for n in asked))
    assert synthesis.answers == synthesis.kept + sum(synthesis.rejected.values()) == len(server.bodies)
    assert (synthesis.model, synthesis.licence, synthesis.unchecked) == ("sage", "MIT", 0)
    assert report.reasoning.present == plain.report().reasoning.present + synthesis.kept
    assert recheck(dataset.folder, runtime=runtime) == report.proof
    assert "say.prepare.traced" in progress.said_keys()
    wrong = next(row for row in rejects_of(dataset) if row["reason"] == "trace-wrong")
    found, wanted = map(int, wrong["detail"].split(" != "))
    assert found == wanted + 1


@pytest.mark.thorough
def test_an_interrupted_run_asks_nothing_twice(run: Run, tmp_path: Path) -> None:
    source = sums(tmp_path)
    with serving(Teacher()) as server:
        whole = run(source, out="whole", **teacher(server.url, parallel=1))
    num_answers = len(server.bodies)
    with serving(Teacher()) as server:
        section = teacher(server.url, parallel=1)
        server.failures[:] = [0] * 20 + [401]
        with pytest.raises(RunFailed) as caught:
            run(source, out="again", **section)
        assert caught.value.code == "endpoint-failed"
        assert 21 <= len(server.bodies) < num_answers
        dataset = run(source, out="again", **section)
        assert len(server.bodies) == num_answers + 1
        run(source, out="third", **section)
        assert len(server.bodies) == num_answers + 1
    assert [row.answer for row in dataset.rows("train")] == [row.answer for row in whole.rows("train")]


def test_the_teacher_sees_the_prompt_alone_and_the_labels(run: Run, tmp_path: Path) -> None:
    rows = [
        {"text": f"{text} number {n}", "label": label}
        for n in range(10)
        for text, label in (("give me my money", "refund"), ("where is my parcel", "delivery"))
    ]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)

    def answer(system: str, text: str) -> str:
        assert text.startswith(("give", "where"))
        return f"<think>they want {text[:5]}</think>{'Refund.' if 'money' in text else 'Answer: delivery'}"

    with serving(answer) as server:
        dataset = run(
            source,
            system="Be kind.",
            prompt_style="### Text:\n{prompt}\n### Label:",
            test_share=0.0,
            **teacher(server.url, temperature=0.5),
        )
    report = dataset.report()
    assert report.task == "labels"
    assert report.synthesis is not None
    assert report.synthesis.kept == report.splits["train"] == len(server.bodies)
    for body in server.bodies:
        system, user = body["messages"]
        assert system["content"].startswith("Be kind.\n\nThink step by step")
        assert system["content"].endswith("to the letter: delivery, refund.")
        assert "###" not in user["content"]
    assert all(row.prompt[-1].content.startswith("### Text:\n") for row in dataset.rows("train"))


def test_rows_that_no_checker_fits_are_never_asked_about(run: Run, tmp_path: Path) -> None:
    prose = "a long answer that nobody gives twice in the same words " * 5
    rows = [
        {"prompt": "short one?", "completion": "yes"},
        {"prompt": "prose?", "completion": prose},
        {"prompt": "a pair?", "chosen": "yes", "rejected": "no"},
        {"prompt": "unwanted?", "completion": "yes", "label": False},
    ]
    files = [write_jsonl(tmp_path / f"{n}.jsonl", [row]) for n, row in enumerate(rows)]
    with serving(lambda system, text: "<think>sure</think>Yes") as server:
        dataset = run(files, validation_share=0.0, test_share=0.0, **teacher(server.url))
    synthesis = dataset.report().synthesis
    assert synthesis is not None
    assert (synthesis.rows, synthesis.unchecked, synthesis.kept, len(server.bodies)) == (4, 3, 1, 1)


@pytest.mark.thorough
def test_rows_without_a_trace_are_dropped_where_the_recipe_says_so(run: Run, tmp_path: Path) -> None:
    source = sums(tmp_path)
    with serving(Teacher()) as server:
        dataset = run(source, **teacher(server.url, without="drop"))
    report = check_counts(dataset)
    assert report.synthesis is not None
    assert report.reasons["no-trace"].count == report.synthesis.rows - report.synthesis.kept > 0
    assert report.bad == 0
    assert all(row.answer.reasoning for row in dataset.rows("train"))


def test_thinking_that_is_too_long_or_tells_of_persons_is_not_kept(run: Run, tmp_path: Path) -> None:
    rows = [{"question": f"what is {n} and 1?", "answer": str(n + 1)} for n in (10, 20, 30)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    thoughts = {"10": "x " * LONG, "20": "as ann.miller@example.org told me", "30": "add one"}

    def answer(system: str, text: str) -> str:
        number = re.findall(r"\d+", text)[0]
        return f"<think>{thoughts[number]}</think>{int(number) + 1}"

    fits = Fits(
        lambda row: sum(len(f"{message.reasoning or ''} {message.content}".split()) for message in row.messages),
        lambda text: [match.span() for match in re.finditer(r"\S+", text)],
        LONG,
        "words",
    )
    with serving(answer) as server:
        dataset = run(
            source,
            fits=fits,
            validation_share=0.0,
            test_share=0.0,
            personal={"mode": "mask"},
            **teacher(server.url, tries=1),
        )
    synthesis = dataset.report().synthesis
    assert synthesis is not None
    assert synthesis.rejected == {"trace-personal": 1, "trace-too-long": 1}
    assert b"@" not in (dataset.folder / "trace_rejects.jsonl").read_bytes()
    assert [row.answer.reasoning for row in dataset.rows("train") if row.answer.reasoning] == ["add one"]


@pytest.mark.thorough
def test_made_rows_inherit_the_reasoning(run: Run, tmp_path: Path) -> None:
    source = sums(tmp_path)
    with serving(Teacher()) as server:
        dataset = run(source, **teacher(server.url), augment={"methods": [{"name": "swap", "languages": ["en"]}]})
    rows = {row.id: row for split in SPLITS for row in dataset.rows(split)}
    made = [row for row in rows.values() if "augmented_by" in row.metadata]
    assert made
    for row in made:
        assert row.answer == rows[row.metadata["parent_id"]].answer
    assert any(row.answer.reasoning for row in made)


def test_a_teacher_belongs_to_synthesise() -> None:
    for wrong in ({"reasoning": "synthesise"}, {"teacher": {"url": "http://x", "model": "m"}}):
        with pytest.raises(ValidationError, match="go together"):
            Prepare.model_validate({"sources": "a.jsonl", **wrong})


def test_lines_and_columns_of_a_spool_are_replaced(tmp_path: Path) -> None:
    """Against a spool that was given the new rows from the start."""

    def filled(name: str, lines: list[bytes], ids: list[int]) -> Spool:
        spool = Spool(tmp_path / name)
        columns = {column: [0] * len(lines) for column in DTYPES if column not in ("offset", "id")}
        spool.append(lines, columns | {"id": ids})
        spool.flush()
        return spool

    old = filled("old", [b'{"a": 1}\n', b'{"a": 22}\n', b'{"a": 333}\n'], [1, 2, 3])
    new = filled("new", [b'{"a": 9999}\n', b'{"a": 22}\n', b'{"a": 4}\n'], [7, 2, 8])
    old.replace(np.array([0, 2], dtype=np.int32), [b'{"a": 9999}\n', b'{"a": 4}\n'], {"id": [7, 8]})
    for spool in (old, new):
        spool.append([b'{"a": 5}\n'], {column: [0] for column in DTYPES if column != "offset"})
        spool.flush()
    rows = np.arange(4, dtype=np.int32)
    assert list(old.written(rows)) == list(new.written(rows)) == [{"a": n} for n in (9999, 22, 4, 5)]
    assert all((old[name] == new[name]).all() for name in DTYPES)
    for spool in (old, new):
        spool.close()
