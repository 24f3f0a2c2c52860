from __future__ import annotations

from typing import Any

import pytest

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.formats import layout_of, to_example
from tunesmith.prepare.rows import RawRow, Refused, Table, columns_of
from tunesmith.recipe import Source
from tunesmith.records import Example, Message

USER, ANSWER = Message("user", "u"), Message("assistant", "a")


def table(*rows: dict[str, Any]) -> Table:
    raw = tuple(RawRow(Place("file", number), row) for number, row in enumerate(rows, 1))
    return Table("file", raw, columns_of(raw))


def convert(row: dict[str, Any], group_by: str | None = None, **source: Any) -> Example:
    one = table(row)
    layout = layout_of(one, Source(path="file", **source))
    raw = one.rows[0]
    assert isinstance(raw, RawRow)
    return to_example(raw, layout, None, group_by)


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}, (USER, ANSWER)),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "u"}]},
                    {"role": "model", "content": "a"},
                ]
            },
            (USER, ANSWER),
        ),
        (
            {
                "messages": [
                    {"role": "developer", "content": "s"},
                    {"role": "user", "content": "u"},
                    {"role": "assistant", "content": "no", "weight": 0},
                    {"role": "user", "content": "u"},
                    {"role": "assistant", "content": "a", "reasoning_content": "r", "weight": 1},
                ]
            },
            (Message("system", "s"), USER, Message("assistant", "no", None, 0.0), USER, Message("assistant", "a", "r")),
        ),
        ({"prompt": "u", "completion": "a"}, (USER, ANSWER)),
        ({"Prompt": "u", "response": "a", "system": "s"}, (Message("system", "s"), USER, ANSWER)),
        ({"instruction": "i", "input": "x", "output": "a"}, (Message("user", "i\nx"), ANSWER)),
        ({"instruction": "u", "input": "", "output": "a", "system": ""}, (USER, ANSWER)),
        (
            {"instruction": "u", "output": "a", "history": [["h1", "h2"]], "system": "s"},
            (Message("system", "s"), Message("user", "h1"), Message("assistant", "h2"), USER, ANSWER),
        ),
        (
            {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}], "system": "s"},
            (Message("system", "s"), USER, ANSWER),
        ),
        ({"conversations": '[{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]'}, (USER, ANSWER)),
        ({"Question": "u", "Complex_CoT": "r", "Response": "a"}, (USER, Message("assistant", "a", "r"))),
        ({"question": "u", "answer": 42}, (USER, Message("assistant", "42"))),
        ({"问题": "u", "思考": "r", "回答": "a"}, (USER, Message("assistant", "a", "r"))),
        ({"text": "u", "category": " a "}, (USER, ANSWER)),
        ({"sentence": "u", "label": 3}, (USER, Message("assistant", "3"))),
        ({"text": "u", "label": 0, "label_text": "a"}, (USER, ANSWER)),
        ({"query": "u", "intent": "a"}, (USER, ANSWER)),
    ],
)
def test_every_shape_becomes_one_conversation(row: dict[str, Any], messages: tuple[Message, ...]) -> None:
    assert convert(row).messages == messages


def test_labels_groups_and_other_columns_are_kept() -> None:
    row = {"text": "u", "sentiment": " good ", "customer": 7, "tags": ["x", "中"], "none": None}
    example = convert(row, group_by="customer")
    assert example.label == "good"
    assert example.answer.content == "good"
    assert example.group == "7"
    assert example.metadata == {"customer": "7", "tags": '["x", "中"]'}


def test_the_layout_says_what_it_found() -> None:
    layout = layout_of(table({"Question": "q", "Complex_CoT": "r", "Response": "a"}), Source(path="file"))
    assert (layout.format, layout.why) == ("question_answer", "detected")
    assert layout.columns == {"question": "Question", "answer": "Response", "reasoning": "Complex_CoT"}
    declared = layout_of(table({"text": "t", "intent": "i"}), Source(path="file", format="labels"))
    assert declared.why == "declared"


def test_the_recipe_goes_before_detection() -> None:
    row = {"text": "not this", "label": "nor this", "ticket_body": "u", "team": "a"}
    assert convert(row, columns={"text": "ticket_body", "label": "team"}).messages == (USER, ANSWER)
    row = {"prompt": "p", "completion": "c", "question": "u", "answer": "a"}
    assert convert(row).prompt == (Message("user", "p"),)
    assert convert(row, format="question_answer").messages == (USER, ANSWER)
    assert convert({"ask": "u", "reply": "a"}, columns={"question": "ask"}).messages == (USER, ANSWER)


@pytest.mark.parametrize(
    ("row", "source", "code", "words"),
    [
        ({"foo": "a", "bar": "b"}, {}, "data-format", "foo, bar"),
        ({"text": "a", "bar": "b"}, {"format": "labels"}, "data-columns", "label"),
        ({"text": "a", "categry": "b"}, {"columns": {"label": "category"}}, "column-missing", "did you mean `categry`"),
        ({"text": "a", "zzz": "b"}, {"columns": {"label": "category"}}, "column-absent", "text, zzz"),
        ({"text": "a", "label": "b"}, {"columns": {"labels": "label"}}, "column-role", "label"),
        ({"text": "a", "label": "b"}, {"format": "labels", "columns": {"answer": "label"}}, "column-role", "text"),
    ],
)
def test_columns_that_do_not_fit_are_coded_errors(
    row: dict[str, Any], source: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(TunesmithError) as caught:
        convert(row, **source)
    assert caught.value.code == code
    assert words in caught.value.message() + caught.value.hint()
    assert caught.value.message("zh") + caught.value.hint("zh")


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"messages": ["hello"]}, "bad-turn", "messages[0]"),
        ({"messages": "not a list"}, "not-a-list", "messages"),
        ({"messages": {"role": "user"}}, "not-a-list", "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "unknown-role", "messages[0]"),
        ({"messages": [{"content": "x"}]}, "unknown-role", "messages[0]"),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, "not-text", "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "not-text", "messages[0]"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": -1}]}, "bad-weight", "messages[0]"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": True}]}, "bad-weight", "messages[0]"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}, "tool-calls", "messages[0]"),
        ({"prompt": ["a"], "completion": "b"}, "not-text", "prompt"),
        ({"instruction": "a", "output": "b", "history": [["one"]]}, "bad-turn", "history"),
    ],
)
def test_a_row_of_the_wrong_shape_is_refused_with_its_field(row: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(Refused) as caught:
        convert(row)
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_row_without_a_needed_column_is_refused() -> None:
    both = table({"question": "q", "answer": "a"}, {"question": "q"})
    row = both.rows[1]
    assert isinstance(row, RawRow)
    with pytest.raises(Refused) as caught:
        to_example(row, layout_of(both, Source(path="file")), None, None)
    assert (caught.value.reason, caught.value.field) == ("missing-field", "answer")
