from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Listening, Run, check_counts, counts_of, rejects_of, write_jsonl

from tunesmith.artifacts.dataset import Conflicts, Quantiles, Reason, Reasoning
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.prepare import CONTROL_TOKEN, Fits, identity
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Example, Rejected

REPOSITORY = Path(__file__).resolve().parents[3]


def questions(num_rows: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"question": f"q {number}", "answer": f"a {number}"} for number in range(start, start + num_rows)]


def test_a_mixed_folder_becomes_one_dataset(tmp_path: Path, run: Run, progress: Listening) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", questions(40) + questions(1) + [{"question": "q 0", "answer": "another"}])
    (folder / "b.csv").write_text("Question,Complex_CoT,Response\n退货？,想一想,可以\n空的？,,\n", encoding="gb18030")
    dataset = run(str(folder), test_share=0.25, max_bad_share=0.5)
    report = check_counts(dataset)
    assert (report.task, report.read, report.kept, report.bad) == ("text", 44, 42, 1)
    assert report.conflicting == Conflicts(prompts=1, rows=2)
    assert report.decoded_as_gb18030 == 2
    assert report.reasoning == Reasoning(present=1, absent=41)
    assert report.reasons["empty-answer"] == Reason(count=1, places=[f"{folder / 'b.csv'}:3 (messages[1])"])
    assert report.reasons["duplicate"].places == [f"{folder / 'a.jsonl'}:41"]
    assert report.characters.reasoning == Quantiles(min=3, p25=3, p50=3, p75=3, p95=3, max=3)
    source = report.sources[1]
    assert (source.format, source.why, source.encoding, source.split) == (
        "question_answer",
        "detected",
        "gb18030",
        None,
    )
    assert source.columns == {"question": "Question", "reasoning": "Complex_CoT", "answer": "Response"}
    empty = next(row for row in rejects_of(dataset) if row["reason"] == "empty-answer")
    assert json.loads(empty["row"]) == {"Question": "空的？", "Complex_CoT": "", "Response": ""}
    assert progress.said_keys() == [
        "say.prepare.detected",
        "say.prepare.detected",
        "say.prepare.gb18030",
        "say.prepare.duplicates",
        "say.prepare.rejected",
        "say.prepare.done",
    ]


@pytest.mark.thorough
def test_each_source_gives_its_share_of_the_training_rows(tmp_path: Path, run: Run) -> None:
    """A fifth from the large source: four rows of the small one allow one of the large, however many it has."""
    small = write_jsonl(tmp_path / "small.jsonl", [{"question": f"small {n} " * 9, "answer": "a"} for n in range(80)])
    large = write_jsonl(tmp_path / "large.jsonl", [{"question": f"large {n} " * 9, "answer": "b"} for n in range(300)])
    shares = [{"path": str(small)}, {"path": str(large), "share": 0.2}]
    dataset = run(shares, test_share=0.0, validation_share=0.0)
    report = check_counts(dataset)
    assert [source.kept for source in report.sources] == [80, 20]
    assert report.reasons["over-share"].count == 280
    assert report.bad == 0
    again = run(
        [{"path": str(large), "share": 0.2}, {"path": str(small)}], out="again", test_share=0.0, validation_share=0.0
    )
    assert {row.id for row in again.rows("train")} == {row.id for row in dataset.rows("train")}


def test_labels_are_counted_per_split(tmp_path: Path, run: Run) -> None:
    rows = [{"text": f"t {n}", "label": "even" if n % 2 == 0 else "odd"} for n in range(100)]
    report = check_counts(run(write_jsonl(tmp_path / "a.jsonl", rows)))
    assert report.task == "labels"
    assert report.labels == {
        "even": {"train": 40, "validation": 5, "test": 5},
        "odd": {"train": 41, "validation": 4, "test": 5},
    }


def test_split_and_content_do_not_depend_on_the_order_of_rows(tmp_path: Path, run: Run) -> None:
    rows = questions(60)
    one = run(write_jsonl(tmp_path / "a.jsonl", rows), out="one")
    other = run(write_jsonl(tmp_path / "a.jsonl", rows[::-1]), out="other")
    for split in SPLITS:
        assert {row.id for row in one.rows(split)} == {row.id for row in other.rows(split)}
    assert one.key != other.key


def test_same_input_gives_the_same_bytes_and_key(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", questions(60))
    one, other = run(file, out="one"), run(file, out="other")
    assert one.manifest == other.manifest
    section = Prepare.model_validate({"sources": file})
    assert identity(section, 0).key() == one.key != identity(section, 1).key()
    write_jsonl(tmp_path / "a.jsonl", questions(61))
    assert identity(section, 0).key() != one.key


def test_a_declared_test_source_cuts_training_rows(tmp_path: Path, run: Run, progress: Listening) -> None:
    train = write_jsonl(tmp_path / "train.jsonl", questions(50))
    test = write_jsonl(tmp_path / "test.jsonl", [*questions(5, start=48), {"question": " Q 48", "answer": "A 48"}])
    dataset = run([{"path": train}, {"path": test, "split": "test"}])
    report = check_counts(dataset)
    assert report.splits == {"train": 43, "validation": 5, "test": 6}
    places = [f"{tmp_path / 'train.jsonl'}:{line}" for line in (49, 50)]
    assert report.reasons == {"repeats-test-row": Reason(count=2, places=places)}
    assert report.repeats_within_test == 1
    assert report.bad == 0
    assert "say.prepare.repeats" in progress.said_keys()


def test_groups_stay_together(tmp_path: Path, run: Run) -> None:
    rows = [{**row, "customer": number // 4} for number, row in enumerate(questions(80))]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="customer")
    report = check_counts(dataset)
    assert report.splits["test"] == 8
    assert sum(report.proof.distinct_groups.values()) == 20


def test_too_many_bad_rows_stop_the_run_and_nothing_is_lost(tmp_path: Path, run: Run) -> None:
    rows = [*questions(6), {"question": "", "answer": "x"}, {"question": "x", "answer": ""}, *questions(3)]
    file = Path(write_jsonl(tmp_path / "a.jsonl", rows))
    file.write_bytes(file.read_bytes() + b'{"question": \n')
    with pytest.raises(RunFailed) as caught:
        run(str(file))
    error = caught.value
    assert error.code == "too-many-bad-rows"
    assert error.place is not None
    assert "3 of 12" in error.message()
    assert "bad-json 1, empty-answer 1, empty-prompt 1" in error.message()
    assert f"{file}:12 bad-json" in error.message()
    rejects = tmp_path / "artifacts" / "out.rejects.jsonl"
    assert str(rejects) in error.hint("zh")
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == 6
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["out.rejects.jsonl"]
    # duplicates are not bad: with 3 of 12 allowed, the run passes
    assert check_counts(run(str(file), max_bad_share=0.25)).bad == 3


def limits(max_characters: int) -> Fits:
    """A model that reads no more characters than this, and no `<|end|>`."""

    def count(example: Example) -> int | Rejected:
        if any("<|end|>" in message.content for message in example.messages):
            return Rejected(example.place, CONTROL_TOKEN)
        return sum(len(message.content) for message in example.messages)

    return Fits(count, characters, max_characters, f"limits {max_characters}")


def characters(text: str) -> list[tuple[int, int]]:
    return [(place, place + 1) for place in range(len(text))]


def test_rows_that_do_not_fit_the_model_are_rejected_after_all_other_checks(tmp_path: Path, run: Run) -> None:
    long, control = {"question": "q" * 90, "answer": "a"}, {"question": "<|end|>", "answer": "a"}
    file = write_jsonl(tmp_path / "a.jsonl", [*questions(40), long, control, {"question": "e" * 90, "answer": ""}])
    dataset = run(file, too_long="drop", system="s" * 20, fits=limits(50))
    report = check_counts(dataset)
    assert counts_of(report) == {"control-token": 1, "empty-answer": 1, "too-long": 1}
    assert (report.kept, report.bad) == (40, 3)
    rejected = next(row for row in rejects_of(dataset) if row["reason"] == "too-long")
    # the system message of the recipe counts too
    assert (rejected["line"], rejected["detail"]) == (41, "111 > 50")
    assert json.loads(rejected["row"]) == long
    assert run(file, system="s" * 20, fits=limits(200), out="roomy").report().kept == 41


def test_rows_too_long_stop_the_run_with_the_first_places_and_the_choices(tmp_path: Path, run: Run) -> None:
    rows = [*questions(20), *({"question": f"{number} " * 50, "answer": "a"} for number in range(7))]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(RunFailed) as caught:
        run(file, fits=limits(50))
    error = caught.value
    assert (error.code, error.place) == ("rows-too-long", Place(file, 21))
    assert "allows: 7;" in error.message()
    places = "; ".join(f"{file}:{line} 101 > 50" for line in range(21, 26))
    assert error.message().endswith(places)
    assert error.message("zh").endswith(places)
    for language in ("en", "zh"):
        assert "prepare.too_long=drop" in error.hint(language)
    assert not (tmp_path / "artifacts").exists()


def test_the_key_of_what_checks_is_part_of_the_datasets(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", questions(40))
    section = Prepare.model_validate({"sources": file})
    keys = [identity(section, 0, fits).key() for fits in (None, limits(50), limits(60))]
    assert len(set(keys)) == 3
    assert run(file, fits=limits(50)).key == keys[1]
    assert run(file, out="other").key == keys[0] == identity(section, 0).key()


def test_what_leaves_nothing_to_train_or_judge_is_said(tmp_path: Path, run: Run, progress: Listening) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", questions(3))
    with pytest.raises(TunesmithError, match="no-training-rows"):
        run([{"path": file, "split": "test"}])
    with pytest.raises(TunesmithError, match="no-training-rows"):
        run(write_jsonl(tmp_path / "b.jsonl", [[1]]), max_bad_share=1.0)
    run(file, test_share=0.0, validation_share=0.0)
    assert {"say.prepare.no-test", "say.prepare.no-validation"} <= set(progress.said_keys())


def test_one_file_named_twice_is_an_error(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", questions(9))
    with pytest.raises(TunesmithError, match="data-twice"):
        run([{"path": str(tmp_path / "*.jsonl")}, {"path": file, "split": "test"}])


def test_a_group_column_that_is_nowhere_is_an_error(tmp_path: Path, run: Run) -> None:
    rows = [{**row, "customer_id": 1} for row in questions(9)]
    with pytest.raises(TunesmithError) as caught:
        run(write_jsonl(tmp_path / "a.jsonl", rows), group_by="customer")
    assert caught.value.code == "column-missing"
    assert "customer_id" in caught.value.hint()


@pytest.mark.parametrize("clean", [{"fill": {"citi": "unknown"}}, {"require": ["question", "citi"]}])
def test_a_column_to_fill_or_require_that_is_nowhere_is_an_error(
    clean: dict[str, Any], tmp_path: Path, run: Run
) -> None:
    rows = [{**row, "city": ""} for row in questions(9)]
    with pytest.raises(TunesmithError) as caught:
        run(write_jsonl(tmp_path / "a.jsonl", rows), clean=clean)
    assert (caught.value.code, caught.value.parameters["role"]) == ("column-missing", f"clean.{next(iter(clean))}")
    assert "`city`" in caught.value.hint()


def test_a_column_to_fill_may_be_that_of_one_source_or_a_canonical_name(tmp_path: Path, run: Run) -> None:
    asked = [{"query": f"another question {number}", "reply": "", "city": "Bern"} for number in range(9)]
    files = [write_jsonl(tmp_path / "a.jsonl", questions(9)), write_jsonl(tmp_path / "b.jsonl", asked)]
    dataset = run(files, clean={"fill": {"city": "unknown", "answer": "none"}, "require": ["question"]})
    assert dataset.report().kept == 18
    assert dataset.report().changes == {"clean.filled": 18}


@pytest.mark.thorough
def test_every_reason_is_in_the_catalogue() -> None:
    folder = REPOSITORY / "src" / "tunesmith" / "prepare"
    calls = [
        node
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Refused", "_rejected")
    ]
    reasons = {arg.value for call in calls for arg in call.args[:2] if isinstance(arg, ast.Constant)}
    reasons = {reason for reason in reasons if isinstance(reason, str)}
    assert len(reasons) > 20
    assert {f"reject.{reason}" for reason in reasons} <= set(CATALOGUE)


def test_changes_are_counted_by_rule_and_named_in_the_row(tmp_path: Path, run: Run) -> None:
    rows = [
        *questions(20),
        {"question": "broken\u200b one", "answer": "it\u200b is"},
        {"question": "itâ€™s", "answer": "a"},
    ]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows))
    changed = {example.place.line: example.changes for split in SPLITS for example in dataset.rows(split)}
    assert changed[21] == ("clean.zero-width",)
    assert changed[22] == ("clean.mojibake",)
    assert not any(changed[line] for line in range(1, 21))
    assert check_counts(dataset).changes == {"clean.mojibake": 1, "clean.zero-width": 1}


def test_rejects_hold_no_personal_data_where_the_recipe_wants_none(tmp_path: Path, run: Run) -> None:
    rows = [*questions(20), {"question": "write to jane.roe@example.org", "answer": ""}]
    rows.append({"question": "mail jane.roe@example.org", "answer": "a"})
    table = write_jsonl(tmp_path / "b.jsonl", [{"messages": [{"role": "jane.roe@example.org", "content": "a"}]}])
    dataset = run([write_jsonl(tmp_path / "a.jsonl", rows), table], personal={"mode": "mask"})
    reject, unknown = rejects_of(dataset)
    assert json.loads(reject["row"]) == {"question": "write to [EMAIL]", "answer": ""}
    assert (unknown["reason"], unknown["detail"]) == ("unknown-role", "[EMAIL]")
    assert b"jane.roe" not in b"".join(file.read_bytes() for file in dataset.folder.iterdir())
    assert check_counts(dataset).changes == {"personal.email": 1}
