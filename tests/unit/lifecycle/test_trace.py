"""The way back from an answer and the way on from a row, over what really lies in a workspace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from lineage_material import SUBJECT, World, make_world
from store_material import START, exchange, feedback

from tunesmith.cli.trace import answer_lines, row_lines
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle.forget import Person, forget
from tunesmith.lifecycle.trace import trace_answer, trace_row
from tunesmith.records import Message
from tunesmith.runtime import Runtime
from tunesmith.store import add_version, open_store, withdraw
from tunesmith.store.cycles import Round, begin_round

pytestmark = pytest.mark.thorough


@pytest.fixture
def world(tmp_path: Path, runtime: Runtime) -> Iterator[World]:
    url = f"sqlite:///{runtime.workspace}/store.db"
    with open_store(url, clock=runtime.clock, key_file=runtime.workspace / "store.key") as store:
        yield make_world(tmp_path, runtime, store)


def asked(world: World, question: str, *, number: int = 7) -> str:
    """An exchange that the world's model answered."""
    prompt = (Message("system", "Be brief."), Message("user", question))
    made = exchange(number, version=world.bundle.name, prompt=prompt)
    world.store.record(made).result()
    world.store.add_feedback(feedback(70 + number, made, kind="correction", value=None, text="Tomorrow.")).result()
    return made.id


def test_every_step_back_is_named_with_its_folder(world: World) -> None:
    found = trace_answer(world.store, world.runtime, asked(world, "Order 11: where is my lamp?"))
    folders = {step.kind: Path(step.folder or "") for step in found.steps}
    assert folders["bundle"] == world.bundle
    assert folders["tuned_model"].name == world.model
    assert folders["dataset"] == world.dataset.folder
    assert folders["feedback_set"] == world.feedback_set
    assert set(folders) == {"bundle", "tuned_model", "plan", "dataset", "feedback_set"}
    assert not found.missing
    assert found.versions == ("desk@1",)
    assert found.runs == (str(world.run),)
    assert found.sources == (str(world.rows), str(world.table), str(world.feedback_set / "rows.jsonl"))
    assert [(said.kind, said.text) for said in found.feedback] == [("correction", "Tomorrow.")]


@pytest.mark.parametrize(
    "question", ["Order 12: where is my oven?", "is my sofa THERE", "where is the shelf", "书架在哪里"]
)
def test_the_nearest_rows_are_those_that_share_most_text(world: World, question: str) -> None:
    found = trace_answer(world.store, world.runtime, asked(world, question))
    rows = [row for split in ("train", "validation", "test") for row in world.dataset.rows(split)]
    likeness = {
        row.id: SequenceMatcher(None, question.lower(), row.messages[0].content.lower()).ratio() for row in rows
    }
    best = max(likeness.values())
    if question.isascii():
        assert likeness[found.rows[0].id] >= best - 0.05
        assert [row.overlap for row in found.rows] == sorted((row.overlap for row in found.rows), reverse=True)
        (row,) = (row for row in rows if row.id == found.rows[0].id)
        assert found.rows[0].place == f"{row.place.file}:{row.place.line}"
    else:
        assert not found.rows


def test_a_row_of_the_same_text_overlaps_wholly(world: World) -> None:
    row = world.dataset.rows("train")[0]
    wide = row.messages[0].content.upper().translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    found = trace_answer(world.store, world.runtime, asked(world, f"  {wide}"))
    assert (found.rows[0].id, found.rows[0].overlap) == (row.id, 1.0)


def test_feedback_leads_on_to_what_was_made_of_it(world: World) -> None:
    for id, products in (("round-1", {"feedback_set": world.feedback_set.name}), ("round-2", {})):
        begun = Round(id, "desk", "began", {}, "else@1", None, None, (), START, START, products)
        begin_round(world.store, begun)
    found = trace_answer(world.store, world.runtime, world.exchange)
    kinds = [step.kind for step in found.feedback_sets]
    assert kinds[0] == "feedback_set"
    assert {"dataset", "tuned_model", "bundle"} <= set(kinds)
    assert found.rounds == ("round-1",)


def test_what_is_gone_from_the_disk_is_named_as_missing(world: World) -> None:
    shutil.rmtree(world.dataset.folder)
    withdraw(world.store, "desk@1", who="tests", reason="test")
    found = trace_answer(world.store, world.runtime, asked(world, "Order 11?"))
    assert [(step.kind, step.key) for step in found.missing] == [("dataset", world.dataset.key)]
    assert found.versions == ("desk@1 (withdrawn)",)
    assert found.rows == ()
    shutil.rmtree(world.bundle)
    found = trace_answer(world.store, world.runtime, "ex-000000000000000000000007")
    assert [step.kind for step in found.steps] == [step.kind for step in found.missing] == ["bundle"]


def test_an_answer_without_text_is_traced_without_rows(world: World) -> None:
    world.store.record(exchange(8, version=world.bundle.name, prompt=(), answer=None)).result()
    found = trace_answer(world.store, world.runtime, "ex-000000000000000000000008")
    assert found.rows == ()
    assert len(found.steps) == 5


def test_unknown_and_forgotten_answers_are_two_things(world: World) -> None:
    with pytest.raises(TunesmithError, match="exchange-unknown"):
        trace_answer(world.store, world.runtime, "ex-ffffffffffffffffffffffff")
    forget(world.store, world.runtime, Person(SUBJECT), who="tests")
    with pytest.raises(TunesmithError, match="exchange-forgotten"):
        trace_answer(world.store, world.runtime, world.exchange)


def test_a_row_leads_on_to_the_models_that_learned_it(world: World) -> None:
    row = next(row for row in world.dataset.rows("train") if row.place.file == str(world.rows))
    for reference in (f"{row.place.file}:{row.place.line}", row.id):
        found = trace_row(world.store, world.runtime, reference)
        assert world.dataset.key in {each.dataset for each in found.rows}
        assert {row.id} == {each.id for each in found.rows}
        assert (world.bundle.name, str(world.bundle)) in {(step.key, step.folder) for step in found.learned}
        assert "desk@1" in found.versions
        assert found.runs == (str(world.run),)


def test_a_bundle_that_was_moved_is_followed_and_another_in_its_place_is_not_taken_for_it(
    world: World, tmp_path: Path
) -> None:
    id, row = asked(world, "Order 11: where is my lamp?"), f"{world.rows}:12"
    moved = tmp_path / "shipped" / "desk"
    shutil.copytree(world.bundle, moved)
    shutil.rmtree(world.bundle)
    add_version(world.store, moved, who="tests")
    assert trace_answer(world.store, world.runtime, id).steps[0].folder == str(moved)
    found = trace_row(world.store, world.runtime, row)
    assert found.versions == ("desk@1",)
    assert str(moved) in {step.folder for step in found.learned}
    shutil.rmtree(moved)
    shutil.copytree(world.other_bundle, moved)
    (step,) = trace_answer(world.store, world.runtime, id).steps
    assert (step.kind, step.folder) == ("bundle", None)


def test_a_bundle_without_its_body_is_told(world: World) -> None:
    id = asked(world, "Order 11: where is my lamp?")
    (world.bundle / "bundle.json").unlink()
    with pytest.raises(TunesmithError, match="artifact-damaged"):
        trace_answer(world.store, world.runtime, id)


def test_a_test_row_is_learned_by_no_model(world: World) -> None:
    ids = {row.id for split in ("train", "validation") for row in world.other.rows(split)}
    row = next(row for row in world.dataset.rows("test") if row.id not in ids)
    found = trace_row(world.store, world.runtime, row.id)
    assert {each.split for each in found.rows} == {"test"}
    assert (found.learned, found.versions) == ((), ())


def test_the_way_leads_through_what_succeeds_rows_of_a_person(world: World) -> None:
    """Somebody of the test rows was forgotten: the model stays, and its rows have another key."""
    gone, row = (
        next(row for row in world.dataset.rows(split) if row.place.file == str(world.rows))
        for split in ("test", "train")
    )
    words = (gone.messages[0].content,)
    told = forget(world.store, world.runtime, Person(words=words), raw=True, who="tests")
    heir = told.successors[world.dataset.key]
    found = trace_answer(world.store, world.runtime, asked(world, row.messages[0].content))
    assert not found.missing
    assert heir in {step.key for step in found.steps}
    assert found.rows[0].id == row.id
    assert "desk@1" in trace_row(world.store, world.runtime, row.id).versions


@pytest.mark.parametrize(
    ("reference", "code"),
    [("nothing", "trace-reference"), ("rows.jsonl:999", "trace-row-unknown"), ("0" * 16, "trace-row-unknown")],
)
def test_what_names_no_row_is_refused(world: World, reference: str, code: str) -> None:
    with pytest.raises(TunesmithError, match=code):
        trace_row(world.store, world.runtime, reference)


def test_a_raw_file_that_was_edited_since_is_told(world: World) -> None:
    with world.rows.open("a") as stream:  # rows behind those that were read move none
        stream.write('{"question": "Is it new?", "answer": "It is."}\n')
    answer = asked(world, "Order 11: where is my lamp?")
    reference = f"{world.rows}:12"
    assert trace_answer(world.store, world.runtime, answer).edited == ()
    assert trace_row(world.store, world.runtime, reference).edited == ()
    world.rows.write_text("\n" + world.rows.read_text())
    world.table.unlink()
    found = trace_answer(world.store, world.runtime, answer)
    assert set(found.edited) == {str(world.rows), str(world.table)}
    lines = "\n".join(answer_lines(found))
    assert "Not what was read" in lines
    row = trace_row(world.store, world.runtime, reference)
    assert str(world.rows) in row.edited
    assert "Not what was read" in "\n".join(row_lines(row))
