from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, write_jsonl

from tools.make_reference import formats_page
from tunesmith.artifacts.dataset import example_from_json, example_to_json
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.files import files_of
from tunesmith.prepare.format_readers import turns
from tunesmith.prepare.formats import FORMATS, SYNONYMS, layout_of, to_example
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Refused, Table, columns_of
from tunesmith.prepare.sources import tables_of
from tunesmith.recipe import Source, load_recipe
from tunesmith.records import SPLITS, Example, Message, PlainText

USER, ANSWER = Message("user", "u"), Message("assistant", "a")


def table(*rows: dict[str, Any]) -> Table:
    raw = tuple(RawRow(Place("file", number), row) for number, row in enumerate(rows, 1))
    return Table("file", raw, columns_of(raw))


def convert(row: dict[str, Any], group_by: str | None = None, **source: Any) -> Example:
    one = table(row)
    layout = layout_of(one, Source(path="file", **source))
    raw = next(iter(one.rows))
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
        ({"问题": "u", "意图": "a", "客户": "c"}, (USER, ANSWER)),
        ({"工单号": 7, "留言": "u", "分类": "a"}, (USER, ANSWER)),
        ({"指令": "i", "输入": "x", "输出": "a"}, (Message("user", "i\nx"), ANSWER)),
        ({"系统提示": "s", "提示": "u", "回复": "a"}, (Message("system", "s"), USER, ANSWER)),
        ({"text": "u", "category": " a "}, (USER, ANSWER)),
        ({"sentence": "u", "label": 3}, (USER, Message("assistant", "3"))),
        ({"text": "u", "label": 0, "label_text": "a"}, (USER, ANSWER)),
        ({"query": "u", "intent": "a"}, (USER, ANSWER)),
        ({"text": "u", "label": ["a"]}, (USER, ANSWER)),
        ({"text": "u", "label": True}, (USER, Message("assistant", "true"))),
        ({"conversations": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}, (USER, ANSWER)),
        ({"conversation": [{"human": "u", "assistant": "a"}, {"human": "u", "assistant": "a"}]}, (USER, ANSWER) * 2),
        (
            {"conversation": [{"system": "s", "input": "u", "output": "a"}, {"input": "u", "output": "a"}]},
            (Message("system", "s"), *(USER, ANSWER) * 2),
        ),
        (
            {"prompt": [{"role": "user", "content": "u"}], "completion": [{"role": "assistant", "content": "a"}]},
            (USER, ANSWER),
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "u"},
                    {"role": "assistant", "content": "a", "thinking": "r"},
                    {"role": "tool", "content": "t", "name": "search"},
                    {"role": "assistant", "content": "a", "tool_calls": []},
                ],
                "tools": [{"type": "function"}],
            },
            (USER, Message("assistant", "a", "r"), Message("tool", "t"), ANSWER),
        ),
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
        ({"prompt": "a", "bar": "b"}, {"format": "kto"}, "data-columns", "completion, desirable"),
        ({"text": "a", "title": "b", "page": 1}, {}, "data-only-text", "join"),
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
        (
            {"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": "{}"}]},
            "tool-calls",
            "conversations[1]",
        ),
        ({"prompt": ["a"], "completion": "b"}, "bad-turn", "prompt[0]"),
        ({"prompt": {"a": 1}, "completion": "b"}, "not-text", "prompt"),
        ({"text": "a", "label": ["b", "c"]}, "several-labels", "label"),
        ({"prompt": "u", "chosen": "a", "rejected": "a"}, "equal-pair", "rejected"),
        (
            {"chosen": [{"role": "user", "content": "u"}], "rejected": [{"role": "user", "content": "v"}]},
            "bad-pair",
            "rejected",
        ),
        ({"instruction": "a", "output": "b", "history": [["one"]]}, "bad-turn", "history"),
    ],
)
def test_a_row_of_the_wrong_shape_is_refused_with_its_field(row: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(Refused) as caught:
        convert(row)
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_row_without_a_needed_column_is_refused() -> None:
    both = table({"question": "q", "answer": "a"}, {"question": "q"})
    _, row = both.rows
    assert isinstance(row, RawRow)
    with pytest.raises(Refused) as caught:
        to_example(row, layout_of(both, Source(path="file")), None, None)
    assert (caught.value.reason, caught.value.field) == ("missing-field", "answer")


ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data"
WORSE = Message("assistant", "b")
TURN, CHOSEN, REJECTED = (
    {"role": role, "content": text} for role, text in (("user", "u"), ("assistant", "a"), ("assistant", "b"))
)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "u", "chosen": "a", "rejected": "b"},
        {"question": "u", "chosen": "a", "rejected": "b"},
        {"instruction": "u", "input": "", "chosen": "a", "rejected": "b"},
        {"prompt": [TURN], "chosen": [CHOSEN], "rejected": [REJECTED]},
        {
            "prompt": "u",
            "prompt_id": "7",
            "chosen": [TURN, CHOSEN],
            "rejected": [TURN, REJECTED],
            "messages": [TURN, CHOSEN],
        },
        {"chosen": [TURN, CHOSEN], "rejected": [TURN, REJECTED]},
        {"messages": [TURN], "chosen": CHOSEN, "rejected": REJECTED},
        {
            "conversations": [{"from": "human", "value": "u"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "b"},
        },
        {"chosen": "\n\nHuman: u\n\nAssistant: a", "rejected": "\n\nHuman: u\n\nAssistant: b"},
    ],
)
def test_every_shape_of_a_preference_is_one_prompt_with_a_better_and_a_worse_answer(row: dict[str, Any]) -> None:
    assert layout_of(table(row), Source(path="file")).format == "preference"
    example = convert(row)
    assert example.messages == (USER, ANSWER)
    assert example.rejected == WORSE


@pytest.mark.parametrize("label", [True, False, "True", " false"])
@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "u", "completion": "a"},
        {"prompt": [TURN], "completion": [CHOSEN]},
        {"messages": [TURN, CHOSEN]},
        {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]},
        {"instruction": "u", "input": "", "output": "a"},
    ],
)
def test_an_undesirable_answer_is_kept_but_teaches_nothing(row: dict[str, Any], label: bool | str) -> None:
    row = row | {"label": label}
    assert layout_of(table(row), Source(path="file")).format == "kto"
    example = convert(row)
    is_good = "t" in str(label).lower()
    assert example.desirable is is_good
    assert example.messages == (USER, Message("assistant", "a", weight=1.0 if is_good else 0.0))


def test_values_tell_where_columns_do_not() -> None:
    def detected(*rows: dict[str, Any]) -> str:
        return layout_of(table(*rows), Source(path="file")).format

    assert detected({"prompt": "u", "completion": "a", "label": "billing"}) == "prompt_completion"
    assert detected({"prompt": "u", "completion": "a", "label": 1}) == "prompt_completion"
    assert convert({"prompt": "u", "completion": "a", "label": 1}, format="kto").desirable is True
    assert detected({"text": "u", "label": 1}, {"text": "u", "label": 2.0}) == "labels"
    assert detected({"text": "u", "label": "1"}, {"text": "u", "label": "2.5"}) == "regression"
    assert detected({"text": "u", "label": "1"}, {"text": "u", "label": "2.5x"}) == "labels"
    assert detected({"text": "u", "label": "good", "score": 2.5}) == "labels"
    assert detected({"评论": "u", "评分": 4}) == "regression"


def test_a_number_to_predict_is_said_as_the_row_has_it() -> None:
    example = convert({"text": "u", "score": " 4.50 "})
    assert (example.target, example.answer.content, example.label) == (4.5, "4.50", None)
    assert convert({"text": "u", "score": 4}).answer.content == "4"
    for value, reason in (
        ("four", "not-a-number"),
        (True, "not-a-number"),
        ("inf", "not-finite"),
        ("nan", "not-finite"),
    ):
        with pytest.raises(Refused) as caught:
            convert({"text": "u", "score": value}, format="regression")
        assert caught.value.reason == reason


def test_what_formats_add_survives_the_file() -> None:
    for row in (
        {"prompt": "u", "chosen": "a", "rejected": "b"},
        {"prompt": "u", "completion": "a", "label": False},
        {"text": "u", "score": 0.1},
    ):
        example = convert(row)
        assert example_from_json(json.loads(json.dumps(example_to_json(example)))) == example


def test_every_canonical_name_is_in_the_table_of_synonyms() -> None:
    assert {role for shape in FORMATS for role in (*shape.needed, *shape.optional)} == set(SYNONYMS)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("pattern", "format", "columns", "first"),
    [
        (
            "alpaca_zh_demo.json",
            "alpaca",
            {"instruction": "instruction", "input": "input", "output": "output"},
            "识别并",
        ),
        ("banking77_*.csv", "labels", {"text": "text", "label": "category"}, ""),
        (
            "dpo_en_demo.json",
            "preference",
            {"conversations": "conversations", "chosen": "chosen", "rejected": "rejected"},
            "Hi! I'd like",
        ),
        ("gsm8k_2000.jsonl", "question_answer", {"question": "question", "answer": "answer"}, "Natalia"),
        ("identity.json", "alpaca", {"instruction": "instruction", "input": "input", "output": "output"}, "hi"),
        (
            "medical_o1_150.jsonl",
            "question_answer",
            {"question": "Question", "reasoning": "Complex_CoT", "answer": "Response"},
            "A 45-year-old",
        ),
    ],
)
def test_real_sets_are_read_with_no_mapping(pattern: str, format: str, columns: dict[str, str], first: str) -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/data is not there")
    for file in files_of(str(REAL / pattern)):
        found = read_file(file)
        layout = layout_of(found, Source(path=str(file)))
        assert (layout.format, layout.columns, layout.why) == (format, columns, "detected")
        examples = [to_example(row, layout, None, None) for row in found.rows if isinstance(row, RawRow)]
        assert len(examples) == sum(1 for _ in found.rows) > 0
        assert examples[0].prompt[-1].content.startswith(first)
        assert all(example.answer.content for example in examples)
        assert all((example.rejected is not None) == (format == "preference") for example in examples)


def page_blocks(language: str) -> list[tuple[str, str, str]]:
    """The examples of the how-to page: kind of file, format or file name, text."""
    text = (ROOT / "docs" / language / "how-to" / "read-your-files.md").read_text(encoding="utf-8")
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_example_of_the_page_is_read_as_the_page_says(language: str, tmp_path: Path) -> None:
    examples = [block for block in page_blocks(language) if block[1] and "." not in block[1]]
    assert {name for _, name, _ in examples} == {shape.name for shape in FORMATS if shape.is_detected}
    for kind, name, text in examples:
        file = tmp_path / f"{name}.{kind}"
        file.write_text(text, encoding="utf-8")
        found = read_file(file)
        layout = layout_of(found, Source(path=str(file)))
        assert (layout.format, layout.why) == (name, "detected")
        read = [to_example(row, layout, None, None) for row in found.rows if isinstance(row, RawRow)]
        assert len(read) == sum(1 for _ in found.rows)
        assert all(example.answer.content and not example.metadata.keys() - {"id"} for example in read)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_joined_example_of_the_page_gives_labels(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, name, text in page_blocks(language):
        if "." in name:
            Path(name).write_text(text, encoding="utf-8")
        elif kind == "yaml" and "join" in text:
            Path("recipe.yaml").write_text(text, encoding="utf-8")
    (source,) = load_recipe(Path("recipe.yaml")).prepare.sources
    (found,) = tables_of(source)
    layout = layout_of(found, source)
    read = [to_example(row, layout, None, "document") for row in found.rows if isinstance(row, RawRow)]
    assert [(example.label, example.group) for example in read] == [
        ({"en": "praise", "zh": "表扬"}[language], "praise.txt")
    ] * 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_reference_of_formats_is_that_of_the_tables(language: str) -> None:
    page = (ROOT / "docs" / language / "formats.md").read_text(encoding="utf-8")
    assert page == formats_page(language), "run `make reference`"


def test_plain_texts_are_read_only_where_the_recipe_says_so(tmp_path: Path, run: Run) -> None:
    rows = [{"text": f"Rule {n}: {'red' if n % 2 else 'blue'} boxes go left."} for n in range(12)]
    file = write_jsonl(tmp_path / "texts.jsonl", rows)
    with pytest.raises(TunesmithError) as refused:
        run({"path": file})
    assert refused.value.code == "data-only-text"
    dataset = run({"path": file, "format": "text"}, system="Be brief.", prompt_style="Say: {prompt}")
    found = [row for split in SPLITS for row in dataset.rows(split)]
    assert sorted(row.messages[0].content for row in found) == sorted(row["text"] for row in rows)
    assert all(row.text == PlainText() and row.answer == Message("assistant", "") for row in found)
    assert dataset.report().sources[0].format == "text"
    answered = [{"question": f"q{n}", "answer": "a" if n else ""} for n in range(9)]
    empty = write_jsonl(tmp_path / "answers.jsonl", answered)
    assert run({"path": empty}, out="answers").report().reasons["empty-answer"].count == 1


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("指令", "输入", "输出"), ("alpaca", {"instruction": "指令", "input": "输入", "output": "输出"})),
        (("指令", "輸出"), ("alpaca", {"instruction": "指令", "output": "輸出"})),
        (("输入", "输出"), ("question_answer", {"question": "输入", "answer": "输出"})),
        (("問題", "回覆"), ("question_answer", {"question": "問題", "answer": "回覆"})),
        (("內容", "分類"), ("labels", {"text": "內容", "label": "分類"})),
        (("标题", "分类"), ("labels", {"text": "标题", "label": "分类"})),
        (("評論", "評分"), ("regression", {"text": "評論", "target": "評分"})),
    ],
)
def test_chinese_columns_are_known_in_either_script(
    columns: tuple[str, ...], expected: tuple[str, dict[str, str]]
) -> None:
    rows = [RawRow(Place("a", 1), dict.fromkeys(columns, "3"))]
    layout = layout_of(Table("a", rows, columns), Source(path="a"))
    assert (layout.format, dict(layout.columns)) == expected


def test_chinese_roles_are_known() -> None:
    said = turns([{"role": role, "content": "x"} for role in ("系统", "用户", "助手", "用戶")], "messages")
    assert [message.role for message in said] == ["system", "user", "assistant", "user"]
