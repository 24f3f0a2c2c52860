from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.errors import TunesmithError
from tunesmith.prepare.encoding import read_bytes
from tunesmith.prepare.files import files_of, hash_readable
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Table
from tunesmith.records import Rejected

GOOD = b'{"prompt": "a", "completion": "b"}'


def read(folder: Path, name: str, content: bytes) -> Table:
    file = folder / name
    file.write_bytes(content)
    return read_file(file)


def values(table: Table) -> list[Any]:
    return [row.values for row in table.rows if isinstance(row, RawRow)]


def rejects(table: Table) -> dict[int | None, tuple[str, str]]:
    return {row.place.line: (row.reason, row.detail) for row in table.rows if isinstance(row, Rejected)}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt": "cut', "bad-json"),
        (GOOD + GOOD, "bad-json"),
        (b'{"prompt": "raw \x00 byte"}', "bad-json"),
        (b'{"prompt": "\xff\xfe"}', "bad-encoding"),
        ('{"prompt": "请帮我退货，谢谢"}'.encode("gbk"), "bad-encoding"),
        (b'{"prompt": NaN}', "not-finite"),
        (b'{"prompt": -Infinity}', "not-finite"),
        (b'{"prompt": 1e999}', "not-finite"),
        (b'{"prompt": "a", "prompt": "b"}', "duplicate-key"),
        (b'{"deep": {"key": 1, "key": 2}}', "duplicate-key"),
        (b'{"prompt": "\\ud800"}', "lone-surrogate"),
        (b'{"\\udfff": "key"}', "lone-surrogate"),
        (b'["prompt", "completion"]', "not-an-object"),
        (b"null", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "too-deep"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "bad-json"),
    ],
)
def test_a_bad_line_costs_only_itself_and_is_found_by_number(tmp_path: Path, line: bytes, reason: str) -> None:
    table = read(tmp_path, "rows.jsonl", b"\n".join([GOOD, b"", line, GOOD]))
    assert len(values(table)) == 2
    assert [(number, why) for number, (why, _) in rejects(table).items()] == [(3, reason)]
    rejected = next(row for row in table.rows if isinstance(row, Rejected))
    rejected.row.encode("utf-8")
    assert len(rejected.row) <= 2_000 * 6


def test_good_lines_that_trip_simple_readers(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"a": "byte order mark"}',
        '{"a": "line\u2028separator and \x85"}'.encode(),
        b'{"a": "\\ud83d\\ude00"}',
        b'{"a": ' + b"[" * 63 + b"]" * 63 + b"}\r",
        b'{"a": "' + b"x" * 5_000_000 + b'"}',
    ]
    table = read(tmp_path, "rows.jsonl", b"\n".join(lines))
    assert rejects(table) == {}
    rows = values(table)
    assert rows[1]["a"] == "line\u2028separator and \x85"
    assert rows[2]["a"] == "😀"
    assert len(rows) == len(lines)


def test_gbk_line_is_named_and_readable(tmp_path: Path) -> None:
    table = read(tmp_path, "rows.jsonl", GOOD + b"\n" + '{"a": "请帮我退货"}'.encode("gbk"))
    assert rejects(table) == {2: ("bad-encoding", "GB18030/GBK")}
    assert "请帮我退货" in next(row.row for row in table.rows if isinstance(row, Rejected))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.just(GOOD), st.just(b'{"a": [1, NaN]}')), max_size=12))
def test_no_line_is_ever_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    expected = sum(bool(line.strip()) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    file = tmp_path_factory.mktemp("lines") / "rows.jsonl"
    file.write_bytes(content)
    if expected == 0:
        with pytest.raises(TunesmithError, match="data-empty"):
            read_file(file)
    else:
        assert len(read_file(file).rows) == expected


def test_json_array_gives_each_row_its_line(tmp_path: Path) -> None:
    text = '[\n {"a": 1},\n {"a": 2,\n  "b": "x"},\n 7, {"a": NaN},\n {"a": 1, "a": 2},\n\n {"a": 3}\n]\n'
    table = read(tmp_path, "rows.json", text.encode())
    assert values(table) == [{"a": 1}, {"a": 2, "b": "x"}, {"a": 3}]
    places = [row.place.line for row in table.rows]
    assert places == [2, 3, 5, 5, 6, 8]
    assert rejects(table)[6] == ("duplicate-key", "a")
    assert table.columns == ("a", "b")


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": }]', '[{"a": 1}', '[{"a": 1}] trailing', '[{"a": 1},]', "[,]"])
def test_broken_json_array_names_the_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, "rows.json", b"\n\n" + text.encode())
    assert caught.value.code == "data-json"
    assert caught.value.place is not None
    assert caught.value.place.line == 3


def test_json_file_of_lines_is_read_as_lines(tmp_path: Path) -> None:
    assert len(values(read(tmp_path, "rows.json", GOOD + b"\n" + GOOD))) == 2


def test_csv_lines_are_counted_as_editors_count_them(tmp_path: Path) -> None:
    text = 'text,label\r\n"two\r\nlines",x\r\n\r\n"comma, quote "" end",y\r\nmid "quote",z\r\nshort\r\na,b,c\r\n'
    table = read(tmp_path, "rows.csv", text.encode("utf-8-sig"))
    assert [(row.place.line, tuple(row.values.values())) for row in table.rows if isinstance(row, RawRow)] == [
        (2, ("two\r\nlines", "x")),
        (5, ('comma, quote " end', "y")),
        (6, ('mid "quote"', "z")),
    ]
    assert rejects(table) == {7: ("column-count", "1 / 2"), 8: ("column-count", "3 / 2")}


def test_an_open_quote_costs_one_line_not_the_rest(tmp_path: Path) -> None:
    text = 'text,label\na,1\n"never closed,2\nb,3\n"c",4\nd,5\n'
    table = read(tmp_path, "rows.csv", text.encode())
    assert [row["label"] for row in values(table)] == ["1", "3", "4", "5"]
    assert list(rejects(table)) == [3]
    assert rejects(table)[3][0] == "bad-quoting"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_shows_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    content = f"text{delimiter}label\na; b, c{delimiter}x\n".encode() if delimiter == "\t" else b""
    content = content or f"text{delimiter}label\nabc{delimiter}x\n".encode()
    assert values(read(tmp_path, "rows.csv", content))[0]["label"] == "x"


cell = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=8))
def test_what_python_writes_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    file = tmp_path_factory.mktemp("csv") / "rows.csv"
    file.write_bytes(buffer.getvalue().encode())
    assert [tuple(row.values()) for row in values(read_file(file))] == rows


def test_gb18030_file_is_decoded_and_named(tmp_path: Path) -> None:
    text = "text,label\n我的快递还没有到，已经三天了。,物流\nplain ascii,other\n请退款！,退款\n"
    table = read(tmp_path, "old.csv", text.encode("gb18030"))
    assert table.encoding == "gb18030"
    assert [row["label"] for row in values(table)] == ["物流", "other", "退款"]


def test_broken_bytes_in_a_utf8_file_are_not_taken_for_chinese(tmp_path: Path) -> None:
    lines = ["text,label", "我的快递还没有到。,物流", "请退款！,退款", "发票开错了。,发票"]
    content = "\n".join(lines).encode().replace("退".encode(), b"\xe9\x80")
    table = read(tmp_path, "rows.csv", content)
    assert table.encoding == "utf-8"
    assert [row["label"] for row in values(table)] == ["物流", "发票"]
    assert [(line, why) for line, (why, _) in rejects(table).items()] == [(3, "bad-encoding")]


@pytest.mark.parametrize("western", ["Café crème à la carte", "Los médicos están en la montaña"])
def test_latin1_is_an_error_with_its_line_not_chinese(tmp_path: Path, western: str) -> None:
    # the second one is valid GB18030 too, but of characters that nobody writes
    content = f"text,label\nplain,a\n{western},b\nÜber,c\n".encode("latin-1")
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, "rows.csv", content)
    assert caught.value.code == "data-encoding"
    assert caught.value.place is not None
    assert caught.value.place.line == 3
    assert "iconv" in caught.value.hint()


def test_parquet_rows_and_nested_values(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": "你好"}], "n": 1}, {"messages": [], "n": None}]
    polars.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    table = read_file(tmp_path / "rows.parquet")
    assert values(table) == rows
    assert [row.place.line for row in table.rows] == [1, 2]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", b"", "data-empty"),
        ("a.csv", b"\xef\xbb\xbf \n\n", "data-empty"),
        ("a.parquet", b"", "data-empty"),
        ("a.parquet", b"not parquet at all", "data-parquet"),
        ("a.csv", b"text,label\n", "data-no-rows"),
        ("a.json", b"[ ]", "data-no-rows"),
        ("a.csv", b"text,text\na,b\n", "data-header"),
        ("a.csv", b'"text,label\na,b\n', "data-header"),
    ],
)
def test_unusable_files_are_coded_errors(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, name, content)
    assert caught.value.code == code
    assert caught.value.place is not None
    assert caught.value.place.file.endswith(name)
    assert all(caught.value.message(language) and caught.value.hint(language) for language in ("en", "zh"))


def test_files_folders_and_globs(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.csv", "sub/c.parquet", "notes.md", ".hidden.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({}))
    assert [file.name for file in files_of(str(tmp_path))] == ["a.csv", "b.jsonl", "c.parquet"]
    assert [file.name for file in files_of(str(tmp_path / "*.csv"))] == ["a.csv"]
    assert [file.name for file in files_of(str(tmp_path / "**" / "*.parquet"))] == ["c.parquet"]
    assert files_of(str(tmp_path / "b.jsonl")) == [tmp_path / "b.jsonl"]
    for path, code in (("gone.csv", "data-missing"), ("*.tsv", "data-missing"), ("notes.md", "data-kind")):
        with pytest.raises(TunesmithError) as caught:
            files_of(str(tmp_path / path))
        assert caught.value.code == code
        assert caught.value.hint("zh")


def test_a_file_that_the_system_refuses_is_a_coded_error(tmp_path: Path) -> None:
    # a folder is refused whoever runs the test; a file without permission is not refused to root
    for use in (read_bytes, hash_readable):
        with pytest.raises(TunesmithError, match="data-unreadable") as caught:
            use(tmp_path)
        assert str(caught.value.parameters["problem"])
