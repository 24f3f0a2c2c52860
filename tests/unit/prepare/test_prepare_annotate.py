"""Rows to Label Studio's tasks and back through agreement and adjudication, on files."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from prepare_material import Listening, Run, write_jsonl

from tunesmith.errors import TunesmithError
from tunesmith.prepare.annotate import compare_annotators, export_tasks, import_results
from tunesmith.prepare.annotate.layers import answer_of, labelling_config, result_of
from tunesmith.recipe import Recipe
from tunesmith.records import SPLITS, Entity, Intent, Relation
from tunesmith.runtime import Runtime

LAYERS = {"entities": ["person", "公司"], "relations": ["works for"], "intents": ["question", "陈述 & <x>"]}
ADA = (Entity("person", 0, 3, "Ada"), Entity("公司", 16, 18, "微软"), Relation("works for", 0, 1), Intent("question"))
TEXT = "Ada 😀 works for 微软?"


def recipe_of(sources: Any, personal: dict[str, Any] | None = None, **annotate: Any) -> Recipe:
    section = {"sources": sources, "personal": personal or {}}
    return Recipe.model_validate({"name": "a", "prepare": section, "annotate": {**LAYERS, **annotate}})


def tasks_in(folder: Path) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_bytes())
    return tasks


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def annotated(number: int, text: str, **answers: Any) -> dict[str, Any]:
    """One task of an export, with the answer of each annotator."""
    annotations = [
        {"completed_by": {"id": 1, "email": name}, "was_cancelled": False, "result": result_of(answer)}
        for name, answer in answers.items()
    ]
    return {"id": number, "data": {"text": text, "row": f"r{number}"}, "annotations": annotations}


def test_the_configuration_has_one_control_a_layer() -> None:
    section = recipe_of("x").annotate
    assert section is not None
    view = ElementTree.fromstring(labelling_config(section, with_turns=False))
    found = {control.tag: [item.get("value") for item in control] for control in view}
    assert found == {
        "Labels": LAYERS["entities"],
        "Relations": LAYERS["relations"],
        "Text": [],
        "Choices": LAYERS["intents"],
    }
    assert {control.get("toName") for control in view if control.tag in ("Labels", "Choices")} == {"text"}
    first = ElementTree.fromstring(labelling_config(section, with_turns=True))[0]
    shown = {"layout": "dialogue", "nameKey": "role", "textKey": "content"}
    assert (first.tag, first.attrib) == ("Paragraphs", {"name": "earlier_turns", "value": "$earlier_turns", **shown})


def test_results_say_what_annotations_say() -> None:
    assert answer_of(result_of(ADA), TEXT) == ADA


def test_rows_become_tasks_with_predictions(tmp_path: Path, runtime: Runtime, progress: Listening) -> None:
    labelled = write_jsonl(
        tmp_path / "a.jsonl", [{"text": f"t {n % 8}", "label": "question", "city": "Bern"} for n in range(9)]
    )
    bare = write_jsonl(tmp_path / "b.jsonl", [{"body": "nothing known"}, {"body": ""}])
    known = tmp_path / "c.json"
    known.write_text(json.dumps([annotated(1, TEXT, ann=ADA)]))
    chats = [{"messages": [{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}] * 2}]
    recipe = recipe_of([labelled, str(known), write_jsonl(tmp_path / "d.jsonl", chats)])
    out = tmp_path / "out"
    made = export_tasks(recipe, runtime=runtime, progress=progress, out=out)
    assert (made.read, made.tasks, made.repeated, made.predictions, made.rejected) == (11, 10, 1, 9, 0)
    first, *_, of_ada, of_chat = tasks_in(out)
    shown = {"city": "Bern", "text": "t 0", "earlier_turns": [], "row": first["data"]["row"], "place": f"{labelled}:1"}
    assert first["data"] == shown
    assert answer_of(first["predictions"][0]["result"], "t 0") == (Intent("question"),)
    assert answer_of(of_ada["predictions"][0]["result"], TEXT) == ADA
    assert of_chat["data"]["text"] == "first"
    assert "predictions" not in of_chat
    assert (out / "labels.xml").is_file()

    made = export_tasks(recipe_of(bare, text="Body"), runtime=runtime, progress=progress, out=out)
    assert (made.tasks, made.rejected) == (1, 1)
    assert progress.said[-1][0] == "say.annotate.left-out"
    assert lines_of(out / "rejects.jsonl")[0]["reason"] == "not-text"
    with pytest.raises(TunesmithError, match="annotate-no-text"):
        export_tasks(recipe_of(bare), runtime=runtime, progress=progress, out=out)


def test_a_conversation_goes_whole_and_comes_back_whole(
    tmp_path: Path, runtime: Runtime, progress: Listening, run: Run
) -> None:
    """Two conversations that end in the same words are two tasks; what was said before is shown and not labelled."""

    def chat(*turns: str) -> dict[str, Any]:
        roles = ("system", "user", "assistant", "user", "assistant")
        return {"messages": [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=True)]}

    chats = [
        chat("be kind", "I bought a lamp, mail a@b.example", "Yes?", "Send it back to Ada", "Sure."),
        chat("be kind", "我买了一盏灯", "请问？", "Send it back to Ada", "好的。"),
    ]
    recipe = recipe_of(write_jsonl(tmp_path / "chats.jsonl", chats), {"mode": "mask", "types": ["email"]})
    out = tmp_path / "out"
    assert export_tasks(recipe, runtime=runtime, progress=progress, out=out).tasks == 2
    tasks = tasks_in(out)
    assert "<Paragraphs" in (out / "labels.xml").read_text(encoding="utf-8")
    assert [turn["content"] for turn in tasks[0]["data"]["earlier_turns"]] == [
        "be kind",
        "I bought a lamp, mail [EMAIL]",
        "Yes?",
    ]
    ada = (Entity("person", 16, 19, "Ada"), Intent("question"))
    for task, answers in zip(tasks, ([ada, ada], [ada, ada[:1]]), strict=True):
        task["annotations"] = [{"completed_by": by, "result": result_of(answer)} for by, answer in enumerate(answers)]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks), encoding="utf-8")
    imported = import_results(recipe, runtime=runtime, progress=progress, out=out, file=export)
    assert (imported.rows, imported.disputed, imported.rejected) == (1, 1, 0)
    (dispute,) = lines_of(out / "adjudication.jsonl")
    assert dispute["earlier_turns"] == tasks[1]["data"]["earlier_turns"]
    (out / "adjudication.jsonl").write_text(json.dumps({**dispute, "decision": "0"}) + "\n", encoding="utf-8")
    assert import_results(recipe, runtime=runtime, progress=progress, out=out, file=export).rows == 2
    dataset = run(str(out / "rows.jsonl"), test_share=0.0, validation_share=0.0)
    rows = sorted(dataset.rows("train"), key=lambda row: row.prompt[1].content)
    expected = [[message["content"] for message in task["data"]["earlier_turns"]] for task in tasks]
    assert [[message.content for message in row.prompt[:-1]] for row in rows] == expected
    for row in rows:
        assert [message.role for message in row.messages] == ["system", "user", "assistant", "user", "assistant"]
        assert row.prompt[-1].content == "Send it back to Ada"
        assert row.annotations == ada
        assert [message.weight for message in row.messages] == [1, 1, 0, 1, 1]
        assert "earlier_turns" not in row.metadata


@pytest.mark.parametrize(
    ("turns", "reason"),
    [("x", "not-a-list"), (["x"], "bad-turn"), ([{"role": "boss", "content": "x"}], "unknown-role")],
)
def test_turns_that_are_none_are_refused(
    tmp_path: Path, runtime: Runtime, progress: Listening, turns: Any, reason: str
) -> None:
    task = annotated(1, TEXT, ann=ADA)
    task["data"]["earlier_turns"] = turns
    export = tmp_path / "export.json"
    export.write_text(json.dumps([task]), encoding="utf-8")
    imported = import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    assert (imported.rows, imported.rejected) == (0, 1)
    assert lines_of(tmp_path / "rejects.jsonl")[0]["reason"] == reason


def test_a_sample_is_drawn_by_rows_and_seed(tmp_path: Path, runtime: Runtime, progress: Listening) -> None:
    rows = [{"text": f"t {number}", "label": "question"} for number in range(50)]
    taken = []
    for name, given in (("a", rows), ("b", rows[::-1])):
        recipe = recipe_of(write_jsonl(tmp_path / f"{name}.jsonl", given), max_rows=10)
        export_tasks(recipe, runtime=runtime, progress=progress, out=tmp_path / name)
        taken.append([task["data"]["text"] for task in tasks_in(tmp_path / name)])
    assert len(taken[0]) == 10
    assert taken[0] == taken[1][::-1]  # the same rows, in the order of the file
    other = recipe_of(write_jsonl(tmp_path / "a.jsonl", rows), max_rows=10).model_copy(update={"seed": 1})
    export_tasks(other, runtime=runtime, progress=progress, out=tmp_path / "c")
    assert {task["data"]["text"] for task in tasks_in(tmp_path / "c")} != set(taken[0])


def test_personal_data_do_not_leave(tmp_path: Path, runtime: Runtime, progress: Listening) -> None:
    rows = [{"text": "Write to ann.lee@example.org."}, {"text": "No data here."}]
    rows.append({"text": " ", "from": "ann.lee@example.org"})
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    for mode, texts in (("mask", ["Write to [EMAIL].", "No data here."]), ("remove", ["No data here."])):
        export_tasks(recipe_of(file, {"mode": mode}), runtime=runtime, progress=progress, out=tmp_path)
        assert [task["data"]["text"] for task in tasks_in(tmp_path)] == texts
        assert "ann.lee" not in (tmp_path / "rejects.jsonl").read_text()


def test_a_label_that_is_not_declared_is_an_error(tmp_path: Path, runtime: Runtime, progress: Listening) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "t", "label": "questions"}])
    with pytest.raises(TunesmithError) as caught:
        export_tasks(recipe_of(file), runtime=runtime, progress=progress, out=tmp_path)
    assert caught.value.code == "annotate-label"
    assert "`question`" in caught.value.hint()
    assert caught.value.place is not None
    assert caught.value.place.line == 1


def test_disputes_are_decided_by_hand_and_prepared(
    tmp_path: Path, runtime: Runtime, progress: Listening, run: Run
) -> None:
    yes, no = (Intent("question"),), (Intent("陈述 & <x>"),)
    tasks = [annotated(number, f"agreed {number}", a=yes, b=yes) for number in range(8)]
    tasks += [
        annotated(8, "named", a=yes, b=no),
        annotated(9, "own word", a=yes, b=no),
        annotated(10, "open", a=yes, b=no),
    ]
    tasks += [annotated(11, "truth", a=yes, b=no), annotated(12, "nobody yet")]
    tasks[11]["annotations"][1]["ground_truth"] = True
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks))
    recipe, out = recipe_of("unused"), tmp_path / "out"
    made = import_results(recipe, runtime=runtime, progress=progress, out=out, file=export)
    assert (made.rows, made.disputed, made.decided, made.rejected) == (9, 3, 0, 1)
    disputes = lines_of(out / "adjudication.jsonl")
    assert [dispute["decision"] for dispute in disputes] == [None, None, None]
    assert disputes[0]["answers"]["b"] == {"entities": [], "relations": [], "intents": ["陈述 & <x>"]}

    disputes[0]["decision"] = "b"
    disputes[1]["decision"] = {
        "entities": [{"label": "person", "start": 0, "end": 3, "text": "own"}],
        "intents": ["question"],
    }
    write_jsonl(out / "adjudication.jsonl", disputes)
    made = import_results(recipe, runtime=runtime, progress=progress, out=out, file=export)
    assert (made.rows, made.disputed, made.decided) == (11, 3, 2)
    dataset = run(str(out / "rows.jsonl"))
    rows = {row.prompt[-1].content: row for split in SPLITS for row in dataset.rows(split)}
    assert len(rows) == 11
    assert rows["named"].label == rows["truth"].label == "陈述 & <x>"
    assert rows["agreed 3"].label == "question"
    assert rows["own word"].annotations == (Entity("person", 0, 3, "own"), Intent("question"))
    assert "open" not in rows

    # an annotator takes back what was chosen: the row is open again; a decision in one's own words stands
    tasks[8] = annotated(8, "named", a=yes, b=(Intent("question"), Entity("person", 0, 5, "named"))[::-1])
    tasks[9] = annotated(9, "own word", a=no, b=yes)
    export.write_text(json.dumps(tasks))
    made = import_results(recipe, runtime=runtime, progress=progress, out=out, file=export)
    assert (made.rows, made.disputed, made.decided, made.reopened) == (10, 3, 1, 1)
    assert "say.annotate.reopened" in progress.said_keys()


@pytest.mark.parametrize(
    "decision", ["c", {"intents": "question"}, {"entities": [{"label": "x", "start": 0, "end": 2, "text": "zz"}]}, 5]
)
def test_a_decision_that_says_nothing_is_told_with_its_line(
    decision: Any, tmp_path: Path, runtime: Runtime, progress: Listening
) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps([annotated(1, "t", a=(Intent("question"),), b=())]))
    import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    (dispute,) = lines_of(tmp_path / "adjudication.jsonl")
    before = write_jsonl(tmp_path / "adjudication.jsonl", [{**dispute, "decision": decision}])
    with pytest.raises(TunesmithError, match="adjudication-line") as caught:
        import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    assert caught.value.place is not None
    assert caught.value.place.line == 1
    assert lines_of(Path(before)) == [{**dispute, "decision": decision}]  # nothing was overwritten


def test_an_import_that_fails_leaves_the_rows_as_they_were(
    tmp_path: Path, runtime: Runtime, progress: Listening
) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps([annotated(1, "t", a=(Intent("question"),))]))
    import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    before = (tmp_path / "rows.jsonl").read_bytes()
    assert before
    with pytest.raises(TunesmithError, match="annotate-server-missing"):
        import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path)
    export.write_text(export.read_text()[:-1] + ', {"id": 2, ')
    with pytest.raises(TunesmithError, match="data-json"):
        import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    assert (tmp_path / "rows.jsonl").read_bytes() == before

    rows = write_jsonl(tmp_path / "a.jsonl", [{"text": "t", "label": "question"}])
    export_tasks(recipe_of(rows), runtime=runtime, progress=progress, out=tmp_path)
    tasks = (tmp_path / "tasks.json").read_bytes()
    write_jsonl(tmp_path / "a.jsonl", [{"text": "t", "label": "question"}, {"text": "u", "label": "questions"}])
    with pytest.raises(TunesmithError, match="annotate-label"):
        export_tasks(recipe_of(rows), runtime=runtime, progress=progress, out=tmp_path)
    assert (tmp_path / "tasks.json").read_bytes() == tasks


def test_decisions_may_be_saved_with_a_mark_and_not_in_another_encoding(
    tmp_path: Path, runtime: Runtime, progress: Listening
) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps([annotated(n, f"第{n}句", a=(Intent("question"),), b=()) for n in range(2)]))
    import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    file = tmp_path / "adjudication.jsonl"
    decided = file.read_text().replace('"decision": null', '"decision": "a"')
    file.write_text(decided, encoding="utf-8-sig", newline="\r\n")
    made = import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    assert (made.rows, made.decided) == (2, 2)
    first, second, _ = decided.split("\n")
    file.write_bytes(f"{first}\n".encode() + second.encode("gb18030"))
    with pytest.raises(TunesmithError, match="adjudication-line") as caught:
        import_results(recipe_of("x"), runtime=runtime, progress=progress, out=tmp_path, file=export)
    assert caught.value.place is not None
    assert caught.value.place.line == 2


def test_agreement_by_layer(tmp_path: Path, runtime: Runtime) -> None:
    moved = (replace(ADA[0], end=2, text="Ad"), *ADA[1:])
    tasks = [annotated(1, TEXT, a=ADA, b=ADA), annotated(2, TEXT, a=ADA, b=moved), annotated(3, TEXT, a=ADA)]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks))
    found = compare_annotators(recipe_of("x"), runtime=runtime, out=tmp_path, file=export)
    assert (found.tasks, found.unanimous, found.disputed) == (3, 1, 1)
    assert found.annotators == Counter({"a": 3, "b": 2})
    assert found.intents is not None
    assert found.intents.observed == 1.0
    assert found.entities is not None
    assert found.entities.mean_f1 == pytest.approx(2 * 3 / 8)
    assert found.relations is not None
    assert found.relations.mean_f1 == pytest.approx(2 * 1 / 4)


def test_a_server_needs_client_address_and_token(
    tmp_path: Path, runtime: Runtime, progress: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code_of(recipe: Recipe) -> str:
        with pytest.raises(TunesmithError) as caught:
            export_tasks(recipe, runtime=runtime, progress=progress, out=tmp_path, push=True)
        return caught.value.code

    assert code_of(Recipe.model_validate({"name": "a", "prepare": {"sources": "x"}})) == "annotate-section"
    assert code_of(recipe_of("x")) == "annotate-server-missing"
    monkeypatch.setitem(sys.modules, "label_studio_sdk", None)
    assert code_of(recipe_of("x", server={"url": "http://127.0.0.1:1", "key": "TOKEN"})) == "annotate-sdk"
