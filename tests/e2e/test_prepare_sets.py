"""`prepare` on whole sets, in several processes, and without a hub in reach."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Listening, Run, check_counts, counts_of, rejects_of, runner, write_jsonl

from tunesmith.prepare import Fits, prepare, recheck
from tunesmith.recipe import Prepare
from tunesmith.records import Example
from tunesmith.runtime import Runtime

REPOSITORY = Path(__file__).resolve().parents[2]
DESK = REPOSITORY / "examples" / "support_desk"
REAL = REPOSITORY.parent / "shared" / "data"


@pytest.fixture
def run(tmp_path: Path, runtime: Runtime) -> Run:
    return runner(tmp_path / "artifacts", runtime, Listening())


def bench_rows(num_rows: int) -> list[dict[str, Any]]:
    draw = random.Random(0)
    words = [f"w{number}" for number in range(500)]
    rows = [{"question": " ".join(draw.choices(words, k=30)), "answer": f"a {n}"} for n in range(num_rows)]
    twins = [{"question": row["question"] + " extra", "answer": row["answer"]} for row in rows[::10]]
    return [*rows, *twins, *rows[::7], {"question": "", "answer": "empty"}]


def test_several_processes_make_the_same_dataset(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunesmith.prepare.walk._CHUNK_ROWS", 40)
    file = write_jsonl(tmp_path / "a.jsonl", bench_rows(500))
    section = Prepare.model_validate({"sources": file, "duplicates": {"near": "drop"}})
    made = []
    for num_threads in (1, 2):
        machine = replace(runtime, num_threads=num_threads)
        out = tmp_path / "artifacts" / str(num_threads)
        # all processes ask the same; what they ask must be picklable
        made.append(
            prepare(
                section, seed=0, runtime=machine, progress=Listening(), out=out, fits=Fits(no_tokens, characters, 1, "")
            )
        )
    assert made[0].manifest == made[1].manifest
    assert check_counts(made[1]).reasons.keys() == {"duplicate", "near-duplicate", "empty-prompt"}
    assert recheck(made[1].folder, runtime=replace(runtime, num_threads=2)) == made[0].report().proof
    assert list(runtime.cache.iterdir()) == []


def no_tokens(example: Example) -> int:
    return 0


def characters(text: str) -> list[tuple[int, int]]:
    return [(place, place + 1) for place in range(len(text))]


@pytest.mark.skipif(not DESK.is_dir(), reason="examples/support_desk is not here")
def test_the_planted_faults_of_the_support_desk_are_found(run: Run) -> None:
    planted = json.loads((DESK / "planted.json").read_text(encoding="utf-8"))
    dataset = run([str(DESK / name) for name in planted["files"]], group_by="situation")
    report = check_counts(dataset)
    found = {(Path(row["file"]).name, row["line"]): row["reason"] for row in rejects_of(dataset)}
    expected = {
        "broken_json": {"bad-json"},
        "empty_answer": {"empty-answer"},
        "exact_duplicate": {"duplicate"},
        "case_or_whitespace_duplicate": {"duplicate"},
        "missing_column": {"missing-field", "column-count"},
        "no_assistant_message": {"no-assistant-message"},
    }
    faults = planted["faults"]
    for fault, reasons in expected.items():
        for place in faults[fault]["rows"]:
            assert found.pop((place["file"], place["line"]), None) in reasons, (fault, place)
    assert not found
    assert report.read == planted["num_rows"]
    assert report.conflicting.prompts == faults["conflicting_answer"]["count"]
    assert report.decoded_as_gb18030 == faults["wrong_encoding"]["count"]
    assert report.duplicates == faults["exact_duplicate"]["count"] + faults["case_or_whitespace_duplicate"]["count"]
    kept = planted["num_good_rows"] + faults["wrong_encoding"]["count"] + faults["conflicting_answer"]["count"]
    assert report.kept == kept


@pytest.mark.skipif(not REAL.is_dir(), reason="the real data of ../shared/data is not here")
def test_banking77_keeps_its_test_rows_and_loses_the_training_rows_like_them(run: Run) -> None:
    train, test = str(REAL / "banking77_train.csv"), str(REAL / "banking77_test.csv")
    report = check_counts(run([{"path": train, "split": "train"}, {"path": test, "split": "test"}]))
    assert report.task == "labels"
    assert report.splits["test"] == 3080
    assert report.repeats_within_test == 1
    assert counts_of(report) == {"near-test-row": 127, "repeats-test-row": 7, "duplicate": 4}
    assert report.splits["train"] + report.splits["validation"] == 10003 - 138
    assert all(counts["validation"] and counts["test"] == 40 for counts in report.labels.values())


def test_an_unreachable_hub_is_a_coded_error_with_a_way_out() -> None:
    code = """
from tunesmith.errors import RunFailed
from tunesmith.prepare import identity
from tunesmith.recipe import Prepare
try:
    identity(Prepare.model_validate({"sources": {"hub": "someone/something"}}), 0)
except RunFailed as error:
    print(error.code, error.place, error.hint())
"""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=offline)
    assert done.stdout.startswith("hub-unreachable someone/something")
    assert "HF_ENDPOINT" in done.stdout
