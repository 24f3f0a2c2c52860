"""Tasks in the shape of Label Studio's JSON export, by the kind of its controls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tunesmith.artifacts.dataset import example_from_json, example_to_json
from tunesmith.errors import Place
from tunesmith.prepare.formats import layout_of, to_example
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Refused, Table
from tunesmith.recipe import Source
from tunesmith.records import Entity, Example, Intent, Message, Relation

Result = list[dict[str, Any]]


def task(data: dict[str, Any], *results: Result, **of_first: Any) -> dict[str, Any]:
    annotations = [
        {"id": number, "completed_by": number, "was_cancelled": False, "ground_truth": False, "result": result}
        for number, result in enumerate(results, 1)
    ]
    if annotations:
        annotations[0] |= of_first
    return {"id": 7, "data": data, "annotations": annotations, "predictions": [], "created_at": "2025-01-01T00:00:00Z"}


def item(type: str, to_name: str = "text", id: str = "a", **value: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "from_name": "x", "to_name": to_name, "origin": "manual", "value": value}


def span(start: int, end: int, text: str, label: str, id: str) -> dict[str, Any]:
    return item("labels", id=id, start=start, end=end, text=text, labels=[label])


def relation(label: str, head: str, tail: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": head, "to_id": tail, "direction": "right", "labels": [label]}


def convert(row: dict[str, Any]) -> Example:
    raw = RawRow(Place("file", 1), row)
    layout = layout_of(Table("file", (raw,), tuple(row)), Source(path="file"))
    assert layout.format == "label_studio"
    example = to_example(raw, layout, None, None)
    assert example_from_json(json.loads(json.dumps(example_to_json(example)))) == example
    return example


def exchange(asked: str, answer: str) -> tuple[Message, ...]:
    return Message("user", asked), Message("assistant", answer)


def test_text_classification() -> None:
    example = convert(task({"text": "退款在哪", "region": "EU"}, [item("choices", choices=["退款"])]))
    assert example.messages == exchange("退款在哪", "退款")
    assert (example.label, example.annotations) == ("退款", (Intent("退款"),))
    assert example.metadata == {
        "id": "7",
        "created_at": "2025-01-01T00:00:00Z",
        "predictions": "[]",
        "region": "EU",
    }
    assert convert(task({"body": "b"}, [item("taxonomy", taxonomy=[["Bank", "Card"]])])).label == "Bank / Card"


def test_the_text_is_the_field_that_was_annotated() -> None:
    data = {"title": "t", "text": "b", "body": "c"}
    assert convert(task(data, [item("choices", "body", choices=["x"])])).prompt[0].content == "c"
    assert convert(task(data, [item("choices", "document", choices=["x"])])).prompt[0].content == "b"


def test_named_entities_and_relations() -> None:
    text = "Ada 😀 works for 微软 in 北京。"
    results = [
        relation("works for", "p", "c"),
        span(16, 18, "微软", "company", "c"),  # code points
        span(0, 3, "Ada", "person", "p"),
        span(23, 25, "北京", "place", "b"),  # UTF-16, in which the emoji is two
        item("choices", choices=["statement"]),
    ]
    example = convert(task({"text": text}, results))
    assert example.annotations == (
        Entity("person", 0, 3, "Ada"),
        Entity("company", 16, 18, "微软"),
        Entity("place", 22, 24, "北京"),
        Relation("works for", 0, 1),
        Intent("statement"),
    )
    entities = [annotation for annotation in example.annotations if isinstance(annotation, Entity)]
    assert [text[entity.start : entity.end] for entity in entities] == ["Ada", "微软", "北京"]
    assert json.loads(example.answer.content) == {
        "entities": [
            {"text": "Ada", "label": "person"},
            {"text": "微软", "label": "company"},
            {"text": "北京", "label": "place"},
        ],
        "relations": [{"label": "works for", "head": "Ada", "tail": "微软"}],
        "intents": ["statement"],
    }
    assert example.label is None


def test_ratings_numbers_and_written_answers() -> None:
    example = convert(task({"text": "nice"}, [item("rating", rating=4)]))
    assert (example.target, example.messages) == (4.0, exchange("nice", "4"))
    assert convert(task({"text": "nice"}, [item("number", number=2.5)])).answer.content == "2.5"
    assert convert(task({"text": "hi"}, [item("textarea", text=["你好"])])).messages == exchange("hi", "你好")


@pytest.mark.parametrize(("selected", "better", "worse"), [("left", "a", "b"), ("right", "b", "a")])
def test_pairwise(selected: str, better: str, worse: str) -> None:
    data = {"prompt": "u", "answer1": "a", "answer2": "b"}
    example = convert(task(data, [item("pairwise", "answer1,answer2", selected=selected)]))
    assert example.messages == exchange("u", better)
    assert example.rejected == Message("assistant", worse)


def test_annotators_must_agree_unless_one_is_the_truth() -> None:
    first, second = [span(0, 1, "a", "x", "id1")], [span(0, 1, "a", "x", "id2")]
    both = [*first, span(2, 3, "b", "y", "id3"), relation("r", "id1", "id3")]
    turned = [span(2, 3, "b", "y", "q"), relation("r", "p", "q"), span(0, 1, "a", "x", "p")]
    assert convert(task({"text": "a b"}, first, second)).annotations == (Entity("x", 0, 1, "a"),)
    assert len(convert(task({"text": "a b"}, both, turned)).annotations) == 3
    yes, no = [item("choices", choices=["yes"])], [item("choices", choices=["no"])]
    assert convert(task({"text": "a"}, yes, no, ground_truth=True)).label == "yes"
    assert convert(task({"text": "a"}, yes, no, was_cancelled=True)).label == "no"
    for row in (task({"text": "a"}, yes, no), task({"text": "a b"}, both, turned[:1] + turned[2:])):
        with pytest.raises(Refused, match="annotators-disagree"):
            convert(row)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (task({"text": "a"}), "not-annotated"),
        (task({"text": "a"}, []), "not-annotated"),
        (task({"text": "a"}, [item("choices", choices=["x"])], was_cancelled=True), "not-annotated"),
        (task({"text": "a"}, [item("choices", choices=["x", "y"])]), "several-labels"),
        (task({"text": "a"}, [item("rating", rating=1), item("rating", rating=2)]), "several-labels"),
        (task({"text": "abc"}, [span(0, 2, "bc", "x", "i")]), "bad-span"),
        (task({"text": "abc"}, [span(2, 9, "c", "x", "i")]), "bad-span"),
        (task({"text": "abc"}, [span(0, 1, "a", "x", "i"), relation("r", "i", "gone")]), "bad-span"),
        (task({"image": 7}, [item("choices", choices=["x"])]), "not-text"),
        (task({"text": "a"}, [item("rectanglelabels", x=1)]), "annotation-kind"),
        (task({"text": "a"}, [item("pairwise", "b,c", selected="left")]), "bad-pair"),
        (task({"text": "a"}, [item("rating", rating="many")]), "not-a-number"),
        ({"data": "text", "annotations": []}, "not-text"),
        ({"data": {"text": "a"}, "annotations": 3}, "not-a-list"),
        ({"data": {"text": "a"}, "annotations": [{"result": ["x"]}]}, "not-a-list"),
        ({"data": {"text": "a"}, "annotations": [{"result": [{"type": "choices"}]}]}, "not-annotated"),
    ],
)
def test_a_task_that_says_nothing_usable_is_refused(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        convert(row)
    assert caught.value.reason == reason


def test_an_export_is_recognised_by_its_columns(tmp_path: Path) -> None:
    rows = [task({"text": f"t {number}"}, [item("choices", choices=["x"])]) for number in range(3)]
    (tmp_path / "export.json").write_text(json.dumps(rows, indent=2))
    table = read_file(tmp_path / "export.json")
    layout = layout_of(table, Source(path="x"))
    assert (layout.format, layout.why) == ("label_studio", "detected")
    examples = [to_example(row, layout, None, None) for row in table.rows if isinstance(row, RawRow)]
    assert [example.prompt[0].content for example in examples] == ["t 0", "t 1", "t 2"]
