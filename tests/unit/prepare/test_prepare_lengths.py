"""Rows that are longer than the model reads: what is cut, what stays, and that windows of one row stay together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, rejects_of, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.prepare import Fits, prepare, recheck
from tunesmith.prepare.lengths import KEPT, MARK, Kept, kept_of
from tunesmith.prepare.seal import unseal
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Example
from tunesmith.runtime import Runtime, Silent

WORDS = [f"w{number:03}" for number in range(40)]
TEXT = " ".join(WORDS)
KEY = b"thirty-two bytes or more of secret"


def spans_of_words(text: str) -> list[tuple[int, int]]:
    spans, place = [], 0
    for word in text.split():
        begin = text.index(word, place)
        place = begin + len(word)
        spans.append((begin, place))
    return spans


def count_words(example: Example) -> int:
    return sum(len(f"{message.reasoning or ''} {message.content}".split()) for message in example.messages)


def words(max_tokens: int) -> Fits:
    """A model to which every word is a token."""
    return Fits(count_words, spans_of_words, max_tokens, f"words {max_tokens}")


def short(num_rows: int = 12) -> list[dict[str, Any]]:
    return [{"question": f"what about topic {number}?", "answer": f"yes {number}"} for number in range(num_rows)]


def examples(dataset: Dataset) -> list[Example]:
    return [row for split in SPLITS for row in dataset.rows(split)]


def cut_rows(dataset: Dataset) -> list[Example]:
    rows = [row for row in examples(dataset) if KEPT in row.metadata]
    return sorted(rows, key=lambda row: (row.metadata.get("parent_id", ""), row.metadata.get("text_window", "")))


def adds_up(dataset: Dataset) -> None:
    report = dataset.report()
    assert (
        report.read + report.added == report.kept + report.rejected == len(examples(dataset)) + len(rejects_of(dataset))
    )
    for source in report.sources:
        assert source.read + source.added == source.kept + source.rejected


@pytest.mark.thorough
def test_the_prompt_is_cut_in_its_middle_and_all_else_stays(tmp_path: Path, run: Run) -> None:
    long = {"question": TEXT, "reasoning": "because of this", "answer": "the answer stays whole"}
    rows = [{**row, "reasoning": "so"} for row in short()]
    file = write_jsonl(tmp_path / "a.jsonl", [*rows, long])
    style = "Read this: {prompt} What is it?\n<think>{reasoning}</think>{answer}"
    dataset = run(file, system="be kind", prompt_style=style, too_long="cut-prompt", fits=words(30))
    (row,) = cut_rows(dataset)
    # 2 of the system, 5 of the style, 3 of thinking and 4 of the answer leave 16: the mark and 8 and 7 from the ends
    kept = " ".join(WORDS[:8]) + " … " + " ".join(WORDS[-7:])
    assert [message.content for message in row.messages] == [
        "be kind", f"Read this: {kept} What is it?", "the answer stays whole",
    ]  # fmt: skip
    assert row.answer.reasoning == "because of this"
    assert count_words(row) <= 30
    whole = f"Read this: {TEXT} What is it?"
    left = kept_of(row)
    assert left is not None
    assert left.path == "messages.1.content"
    assert MARK.join(whole[begin:end] for begin, end in left.ranges) == row.messages[1].content
    adds_up(dataset)
    found = dataset.report().long_text
    assert found is not None
    assert found.model_dump() == {
        "policy": "cut-prompt", "max_tokens": 30, "rows": 1, "cut": 1, "windowed": 0, "windows": 0, "dropped": 0,
    }  # fmt: skip
    assert dataset.report().changes == {"long.cut-prompt": 1}


def test_an_answer_that_is_too_long_itself_is_refused(tmp_path: Path, run: Run) -> None:
    long = {"question": TEXT, "answer": TEXT}
    for policy in ("cut-prompt", "window"):
        size = {"window_tokens": 8}
        dataset = run(
            write_jsonl(tmp_path / "a.jsonl", [*short(), long]),
            too_long=policy, long_text=size, fits=words(30), out=policy,
        )  # fmt: skip
        (reject,) = rejects_of(dataset)
        assert (reject["reason"], reject["detail"]) == ("too-long", "80 > 30")
        assert cut_rows(dataset) == []
        adds_up(dataset)


def test_only_the_longest_text_of_a_conversation_is_cut(tmp_path: Path, run: Run) -> None:
    turns = [("user", "first question"), ("assistant", TEXT), ("user", TEXT + " end"), ("assistant", "last answer")]
    talks = [[("user", f"q {number}"), ("assistant", "a")] for number in range(9)] + [turns]
    rows = [{"messages": [{"role": role, "content": text} for role, text in talk]} for talk in talks]
    dataset = run(write_jsonl(tmp_path / "a.jsonl", rows), too_long="cut-prompt", fits=words(60))
    (row,) = cut_rows(dataset)
    assert [message.content for message in row.messages[:2]] == ["first question", TEXT]
    assert row.answer.content == "last answer"
    assert count_words(row) == 60


def test_what_is_left_of_a_cut_prompt_can_be_unsealed(tmp_path: Path, runtime: Runtime) -> None:
    mails = [f"ann.lee{number}@example.org" for number in range(30)]
    rows = [*short(), {"question": " ".join(mails), "answer": "fine"}]
    dataset = pseudonymised(tmp_path, runtime, rows, too_long="cut-prompt")
    (row,) = cut_rows(dataset)
    assert unseal(row, KEY).messages[0].content.split() == [*mails[:9], "…", *mails[-9:]]


@pytest.mark.thorough
@pytest.mark.parametrize("tag", [False, True])
def test_windows_slide_over_the_text(tmp_path: Path, run: Run, tag: bool) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [*short(), {"question": TEXT, "answer": "fine"}])
    size = {"window_tokens": 16, "stride_tokens": 8}
    dataset = run(
        file, prompt_style="About {prompt} ?", too_long="window", long_text=size, clean={"language_tag": tag},
        fits=words(24),
    )  # fmt: skip
    rows = cut_rows(dataset)
    expected = [" ".join(WORDS[start : start + 16]) for start in (0, 8, 16, 24)]
    put = "[EN] " if tag else ""
    assert [row.messages[0].content for row in rows] == [f"About {put}{window} ?" for window in expected]
    assert {row.answer.content for row in rows} == {"fine"}
    assert [row.metadata["text_window"] for row in rows] == ["1/4", "2/4", "3/4", "4/4"]
    assert len({row.metadata["parent_id"] for row in rows}) == 1
    assert len({row.id for row in rows}) == 4
    assert dataset.report().added == 3
    adds_up(dataset)


def test_windows_are_half_over_one_another_unless_told(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [*short(), {"question": " ".join(WORDS[:21]), "answer": "fine"}])
    dataset = run(file, too_long="window", long_text={"window_tokens": 10, "max_tokens": 20}, fits=words(999))
    texts = [row.messages[0].content.split() for row in cut_rows(dataset)]
    assert texts == [WORDS[0:10], WORDS[5:15], WORDS[10:20], WORDS[15:21]]
    found = dataset.report().long_text
    assert found is not None
    assert (found.max_tokens, found.windowed, found.windows) == (20, 1, 4)


def long_rows(num_rows: int) -> list[dict[str, Any]]:
    """Each row of words that no other has."""
    return [
        {"question": " ".join(f"r{row}x{word}" for word in range(40)), "answer": f"a{row}"} for row in range(num_rows)
    ]


def test_windows_of_one_row_never_stand_in_two_splits(tmp_path: Path, run: Run, runtime: Runtime) -> None:
    size = {"window_tokens": 10, "stride_tokens": 10}
    dataset = run(
        write_jsonl(tmp_path / "a.jsonl", long_rows(30)), too_long="window", long_text=size, fits=words(12),
        test_share=0.3, validation_share=0.3,
    )  # fmt: skip
    assert dataset.report().kept == 120
    parents = {split: {row.metadata["parent_id"] for row in dataset.rows(split)} for split in SPLITS}
    assert sum(map(len, parents.values())) == len(set().union(*parents.values())) == 30
    assert min(map(len, parents.values())) > 5
    assert dataset.report().proof.holds
    # the proof counts windows that someone moves
    moved = (dataset.folder / "test.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (dataset.folder / "test.jsonl").write_text("".join(moved[1:]), encoding="utf-8")
    with (dataset.folder / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(moved[0])
    with pytest.raises(RunFailed) as caught:
        recheck(dataset.folder, runtime=runtime)
    assert "families 1" in str(caught.value.parameters["shared"])


def test_a_window_of_a_test_row_takes_its_family_out_of_training(tmp_path: Path, run: Run) -> None:
    row = long_rows(1)[0]
    test = write_jsonl(tmp_path / "test.jsonl", [{"question": " ".join(row["question"].split()[:10]), "answer": "x"}])
    train = write_jsonl(tmp_path / "train.jsonl", [*short(), row])
    dataset = run(
        [{"path": train}, {"path": test, "split": "test"}], too_long="window", fits=words(12),
        long_text={"window_tokens": 10, "stride_tokens": 10}, max_bad_share=1.0,
    )  # fmt: skip
    reasons = {reason: found.count for reason, found in dataset.report().reasons.items()}
    assert reasons == {"repeats-test-row": 1, "family-of-test-row": 3}
    adds_up(dataset)


def test_rows_with_marked_entities_are_not_cut(tmp_path: Path, run: Run) -> None:
    value = {"start": 0, "end": 4, "text": "w000", "labels": ["THING"]}
    result = [{"id": "1", "type": "labels", "from_name": "l", "to_name": "text", "value": value}]
    tasks = [{"id": 1, "data": {"text": TEXT}, "annotations": [{"result": result}]}]
    texts = (f"w000 {number}" for number in range(9))
    tasks += [{"id": 2, "data": {"text": text}, "annotations": [{"result": result}]} for text in texts]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks), encoding="utf-8")
    dataset = run(str(file), too_long="window", long_text={"window_tokens": 8}, fits=words(30))
    assert [reject["reason"] for reject in rejects_of(dataset)] == ["too-long"]


def test_benchmarks_are_compared_with_whole(tmp_path: Path, run: Run) -> None:
    benchmark = write_jsonl(tmp_path / "bench.jsonl", [{"question": TEXT, "answer": "x"}])
    file = write_jsonl(tmp_path / "a.jsonl", [*short(), {"question": TEXT, "answer": "long"}])
    dataset = run(file, contamination=benchmark, fits=words(50))
    assert dataset.report().reasons["repeats-benchmark-row"].count == 1
    cut = run(file, contamination=benchmark, too_long="cut-prompt", fits=words(30), out="cut")
    assert cut.report().contamination[1].rows == 1


def test_what_counts_in_tokens_needs_a_model(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", short())
    for section in ({"too_long": "window"}, {"too_long": "cut-prompt"}, {"long_text": {"max_tokens": 9}}):
        with pytest.raises(TunesmithError, match="tokens-unknown"):
            run(file, **section)
    with pytest.raises(RunFailed, match="rows-too-long"):
        run(file, long_text={"max_tokens": 4}, fits=words(99))


def pseudonymised(tmp_path: Path, runtime: Runtime, rows: list[dict[str, Any]], **settings: Any) -> Dataset:
    section = Prepare.model_validate(
        {
            "sources": write_jsonl(tmp_path / "a.jsonl", rows),
            "personal": {"mode": "pseudonym", "key": "KEY"},
            "test_share": 0.0,
            "validation_share": 0.0,
            **settings,
        }
    )
    machine = Runtime(runtime.workspace, runtime.cache, secrets={"KEY": KEY.decode()})
    return prepare(section, seed=0, runtime=machine, progress=Silent(), out=tmp_path / "out", fits=words(20))


def test_windows_can_be_unsealed(tmp_path: Path, runtime: Runtime) -> None:
    mails = [f"ann.lee{number}@example.org" for number in range(30)]
    rows = [*short(), {"question": " ".join(mails), "answer": "mail bob.ray@example.org"}]
    dataset = pseudonymised(tmp_path, runtime, rows, too_long="window", long_text={"window_tokens": 10})
    windows = cut_rows(dataset)
    assert not any("ann.lee" in row.messages[0].content for row in windows)
    opened = [unseal(row, KEY) for row in windows]
    assert [row.messages[0].content.split() for row in opened] == [mails[s : s + 10] for s in (0, 5, 10, 15, 20)]
    assert {row.answer.content for row in opened} == {"mail bob.ray@example.org"}
    assert all("long.window" in row.changes for row in opened)


def test_a_pseudonym_that_is_cut_in_two_stays() -> None:
    kept = Kept("messages.0.content", [(0, 10), (20, 30)], MARK)
    assert [kept.place(*place) for place in ((0, 10), (3, 2), (8, 4), (12, 3), (20, 10), (25, 6))] == [
        0, 3, None, None, 13, None,
    ]  # fmt: skip


def test_windows_of_a_plain_text_say_what_an_earlier_one_teaches(tmp_path: Path, run: Run) -> None:
    """Without what they only read, the windows of a document are the document."""
    file = write_jsonl(tmp_path / "texts.jsonl", [{"text": TEXT}, *({"text": f"short text {n}"} for n in range(9))])
    section = {"too_long": "window", "long_text": {"max_tokens": 12, "window_tokens": 12, "stride_tokens": 8}}
    dataset = run({"path": file, "format": "text"}, fits=words(100), **section)
    windows = sorted(
        (row for row in examples(dataset) if KEPT in row.metadata),
        key=lambda row: int(row.metadata["text_window"].partition("/")[0]),
    )
    assert len(windows) == 5
    taught = ""
    for row in windows:
        assert row.text is not None
        content = row.messages[0].content
        assert content in TEXT
        assert taught.endswith(content[: row.text.num_context])
        taught += content[row.text.num_context :]
        assert row.text.is_end == (row is windows[-1])
    assert taught == TEXT
    assert [row.text is not None for row in windows[1:]] == [True] * 4
    whole = [row for row in examples(dataset) if KEPT not in row.metadata]
    assert {(row.text.num_context, row.text.is_end) for row in whole if row.text is not None} == {(0, True)}
    assert len(whole) == 9
    adds_up(dataset)


def test_a_plain_text_is_never_cut_in_its_middle(tmp_path: Path, run: Run) -> None:
    file = write_jsonl(tmp_path / "texts.jsonl", [{"text": TEXT}, *({"text": f"short text {n}"} for n in range(9))])
    section = {"too_long": "cut-prompt", "long_text": {"max_tokens": 12}}
    dataset = run({"path": file, "format": "text"}, fits=words(100), **section)
    assert [row["reason"] for row in rejects_of(dataset)] == ["too-long"]
