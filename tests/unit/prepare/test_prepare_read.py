from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import polars
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.errors import TunesmithError
from tunesmith.prepare.encoding import judge
from tunesmith.prepare.files import files_of, hash_readable
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Table
from tunesmith.records import Rejected

GOOD = b'{"prompt": "a", "completion": "b"}'


def read(folder: Path, name: str, content: bytes) -> Table:
    file = folder / name
    file.write_bytes(content)
    table = read_file(file)
    for _ in table.rows:
        pass  # some faults of a file show only in the middle
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the examples of one test, each of which writes its file anew."""
    return tmp_path_factory.mktemp("examples")


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


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.one_of(st.binary(max_size=40), st.just(GOOD), st.just(b'{"a": [1, NaN]}')), max_size=12))
def test_no_line_is_ever_lost(folder: Path, lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    expected = sum(bool(line.strip()) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    file = folder / "lines.jsonl"
    file.write_bytes(content)
    if expected == 0:
        with pytest.raises(TunesmithError, match="data-empty"):
            read_file(file)
    else:
        assert sum(1 for _ in read_file(file).rows) == expected


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


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=8))
def test_what_python_writes_as_csv_is_read_back(folder: Path, rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    file = folder / "rows.csv"
    file.write_bytes(buffer.getvalue().encode())
    assert [tuple(row.values()) for row in values(read_file(file))] == rows


def test_a_damaged_header_is_an_error(tmp_path: Path) -> None:
    content = "文本,标签,备注\n退款！,退款,\n发票开错了。,发票,\n".encode().replace("备".encode(), b"\xe9\x80", 1)
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, "a.csv", content)
    assert caught.value.place is not None
    assert (caught.value.code, caught.value.place.line) == ("data-encoding", 1)


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


def test_a_chinese_word_that_happens_to_be_utf8_does_not_outweigh_the_rest(tmp_path: Path) -> None:
    text = "text,label\n我的快递还没有到，已经三天了。,x\n5 元,y\n6 元,y\n"
    assert "元".encode("gb18030").decode("utf-8")
    table = read(tmp_path, "old.csv", text.encode("gb18030"))
    assert [row["text"] for row in values(table)] == ["我的快递还没有到，已经三天了。", "5 元", "6 元"]
    mixed = b"text,label\n" + "请退款！,退款\n".encode() + "发票开错了。,发票\n".encode("gb18030")
    table = read(tmp_path, "mixed.csv", mixed)
    assert (values(table), rejects(table)) == (
        [{"text": "请退款！", "label": "退款"}],
        {3: ("bad-encoding", "GB18030/GBK")},
    )


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


@pytest.mark.thorough
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


def test_rows_of_commas_below_a_table_are_no_rows(tmp_path: Path) -> None:
    """Excel writes one for every row that was ever formatted, and they may be most of the file."""
    rows = "问题,答案,\n怎么退款？,在订单页。,\n".encode("utf-8-sig")
    table = read(tmp_path, "a.csv", rows + b",,\r\n" * 100 + b" , ,\n")
    assert [row for row in table.rows if isinstance(row, Rejected)] == []
    assert values(table) == [{"问题": "怎么退款？", "答案": "在订单页。", "column_3": ""}]
    for content in (b",,\n,,\n", b'""\n'):
        with pytest.raises(TunesmithError, match="data-no-rows"):
            read(tmp_path, "b.csv", content)


def test_files_folders_and_globs(tmp_path: Path) -> None:
    hidden = (".hidden.csv", "~$a.csv", ".ipynb_checkpoints/a-checkpoint.csv")
    for name in ("b.jsonl", "a.csv", "sub/c.parquet", "notes.md", *hidden):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({}))
    assert [file.name for file in files_of(str(tmp_path))] == ["a.csv", "b.jsonl", "c.parquet"]
    assert [file.name for file in files_of(str(tmp_path / "*.csv"))] == ["a.csv"]
    assert [file.name for file in files_of(str(tmp_path / "**" / "*.parquet"))] == ["c.parquet"]
    assert files_of(str(tmp_path / "b.jsonl")) == [tmp_path / "b.jsonl"]
    assert files_of(str(tmp_path / "notes.md")) == [tmp_path / "notes.md"]
    assert [file.name for file in files_of(str(tmp_path / "*.m*"))] == ["notes.md"]
    (tmp_path / "image.png.gz").write_bytes(b"")
    for path, code in (("gone.csv", "data-missing"), ("*.tsv", "data-missing"), ("image.png.gz", "data-kind")):
        with pytest.raises(TunesmithError) as caught:
            files_of(str(tmp_path / path))
        assert caught.value.code == code
        assert caught.value.hint("zh")


def test_a_file_that_the_system_refuses_is_a_coded_error(tmp_path: Path) -> None:
    # a folder is refused whoever runs the test; a file without permission is not refused to root
    for use in (judge, hash_readable):
        with pytest.raises(TunesmithError, match="data-unreadable") as caught:
            use(tmp_path)
        assert str(caught.value.parameters["problem"])


@contextmanager
def memory_bounded(num_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < num_bytes


# The whole corpus of what goes wrong with JSON lines: the line, and why it is refused (None: it is a row).
CORPUS: list[tuple[bytes, str | None]] = [
    (b'\xef\xbb\xbf{"q": "after a byte order mark"}', None),
    (b'{"q": "cut off', "bad-json"),
    (GOOD + GOOD, "bad-json"),
    (b'\xef\xbb\xbf{"q": "a byte order mark in the middle"}', "bad-json"),
    (b'{"q": "raw \x00"}', "bad-json"),
    (b"\x00" * 10, "bad-json"),
    (b'{"q": "escaped \\u0000"}', None),
    (b'{"q": "\xff\xfe"}', "bad-encoding"),
    ('{"q": "中文\u2028中文"}'.encode(), None),
    (b'{"q": NaN}', "not-finite"),
    (b'{"q": [1e999]}', "not-finite"),
    (b'{"q": 1, "q": 2}', "duplicate-key"),
    (b'{"q": "\\ud800"}', "lone-surrogate"),
    (b'["a", "list"]', "not-an-object"),
    (b'{"q": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
    (b'{"q": ' + b"9" * 5_000 + b"}", "bad-json"),
    (b'{"q": "' + b"x" * 100_000_000 + b'"}', "row-too-large"),
    (b'{"q": "last"}', None),
]


@pytest.mark.thorough
def test_every_bad_line_is_quarantined_with_line_byte_and_reason(tmp_path: Path) -> None:
    content = b"\n\n".join(line for line, _ in CORPUS)  # a blank line after each
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with memory_bounded(80 * 2**20):
        rows = list(read_file(file).rows)
    assert len(rows) == len(CORPUS)
    for number, (row, (line, reason)) in enumerate(zip(rows, CORPUS, strict=True)):
        assert (row.reason if isinstance(row, Rejected) else None) == reason
        assert row.place.line == 2 * number + 1
        assert row.place.byte is not None
        begin = row.place.byte - 3 * (number == 0)
        assert content[begin : begin + len(line)] == line
        assert begin == 0 or content[begin - 1 : begin] == b"\n"
    large = next(row for row in rows if isinstance(row, Rejected) and row.reason == "row-too-large")
    assert large.detail == "100000010 bytes"  # with its end of line
    assert len(large.row) <= 2_000


@pytest.mark.thorough
def test_rows_are_read_as_they_are_asked_for_and_anew_each_time(tmp_path: Path) -> None:
    row = json.dumps({"question": "q" * 2_000, "answer": "a" * 2_000})
    contents = {"rows.jsonl": "\n".join([row] * 3_000), "rows.json": "[" + ",\n".join([row] * 3_000) + "]"}
    contents["rows.csv"] = "question,answer\n" + "\n".join([f"{'q' * 2_000},{'a' * 2_000}"] * 3_000)
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        with memory_bounded(8 * 2**20):  # of a file of 12; the sample is 4
            table = read_file(tmp_path / name)
            assert sum(1 for _ in table.rows) == 3_000
        assert sum(1 for _ in table.rows) == 3_000
        first = 1 + (name == "rows.csv")
        assert [row.place.line for row in islice(table.rows, 2)] == [first, first + 1]


def test_columns_are_those_of_the_first_thousand_rows(tmp_path: Path) -> None:
    rows = [{"a": 1}] * 999 + [{"b": 1}] + [{"c": 1}]
    table = read(tmp_path, "rows.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert table.columns == ("a", "b")
    assert values(table) == rows


def test_compressed_files_are_read_as_what_is_in_them(tmp_path: Path) -> None:
    text = "text,label\n你好,a\n\n再见,b\n".encode()
    (tmp_path / "rows.csv").write_bytes(text)
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(text[:20]) + gzip.compress(text[20:]))
    with pyarrow.output_stream(str(tmp_path / "rows.CSV.zst"), compression="zstd") as stream:
        stream.write(text)
    tables = [read_file(tmp_path / name) for name in ("rows.csv", "rows.csv.gz", "rows.CSV.zst")]
    assert [values(table) for table in tables] == [[{"text": "你好", "label": "a"}, {"text": "再见", "label": "b"}]] * 3
    assert [[(row.place.line, row.place.byte) for row in table.rows] for table in tables] == [[(2, 11), (4, 21)]] * 3
    assert len(files_of(str(tmp_path))) == 3


def test_a_compressed_file_that_is_cut_off_is_a_coded_error(tmp_path: Path) -> None:
    content = "\n".join(json.dumps({"a": str(number) * 9}) for number in range(9_000)).encode()
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(content)[:-2_000])
    with pyarrow.output_stream(str(tmp_path / "rows.jsonl.zst"), compression="zstd") as stream:
        stream.write(content)
    whole = (tmp_path / "rows.jsonl.zst").read_bytes()
    (tmp_path / "rows.jsonl.zst").write_bytes(whole[:-100])
    (tmp_path / "no.jsonl.gz").write_bytes(b"not gzip at all")
    for name in ("rows.jsonl.gz", "rows.jsonl.zst", "no.jsonl.gz"):
        with pytest.raises(TunesmithError, match="data-unreadable"):
            list(read_file(tmp_path / name).rows)


@pytest.mark.thorough
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_long_json_array_is_what_the_standard_library_reads(tmp_path: Path, encoding: str) -> None:
    sizes = [7, 400_000, 3, 1_500_000, 90, 1_048_576, 20]
    rows = [{"n": number, "text": "请问快递到哪里了a\n"[number:] * (size // 10)} for number, size in enumerate(sizes)]
    content = json.dumps(rows, ensure_ascii=False, indent=1).replace('"n": 3', '"n": NaN').encode(encoding)
    table = read(tmp_path, "rows.json", content)
    assert table.encoding == encoding
    assert values(table) == rows[:3] + rows[4:]
    assert [number for number, row in enumerate(table.rows) if isinstance(row, Rejected)] == [3]
    for row in table.rows:
        assert content[row.place.byte :].startswith(b'{\n  "n": ')
        assert row.place.line == content.count(b"\n", 0, row.place.byte) + 1


entry = st.one_of(st.text(max_size=9), st.integers(), st.none())


@settings(max_examples=40, deadline=None)
@given(
    elements=st.lists(
        st.one_of(st.dictionaries(st.text(max_size=3), entry, max_size=3), st.integers()), min_size=1, max_size=5
    ),
    num_bytes=st.integers(1, 7),
)
def test_a_json_array_in_pieces_of_any_size(folder: Path, elements: list[Any], num_bytes: int) -> None:
    file = folder / "rows.json"
    file.write_text(json.dumps(elements))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tunesmith.prepare.encoding.BLOCK_BYTES", num_bytes)
        found = [json.loads(row.row) if isinstance(row, Rejected) else row.values for row in read_file(file).rows]
    assert found == elements


def test_csv_rows_have_their_byte(tmp_path: Path) -> None:
    content = 'text,label\r\n"两\r\n行",x\r\n短\r\n末行,z\r'.encode("utf-8-sig")
    table = read(tmp_path, "rows.csv", content)
    rests = [content[row.place.byte :].decode() for row in table.rows]
    assert [rest[:2] for rest in rests] == ['"两', "短\r", "末行"]
    assert [row.place.line for row in table.rows] == [2, 4, 5]


def test_old_macintosh_line_ends_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "rows.csv", b"text,label\ra,b\rshort\rc,d\ne,f\n")
    assert [(row.place.line, row.place.byte) for row in table.rows] == [(2, 11), (3, 15), (4, 21), (5, 25)]
    assert list(rejects(table)) == [3]


@pytest.mark.thorough
def test_a_huge_csv_row_costs_only_itself(tmp_path: Path) -> None:
    lines = b"".join(b"%d,x\n" % number for number in range(3))
    huge = b"y" * (2**24 + 1)
    table = read(tmp_path, "rows.csv", b"text,label\n" + lines + huge + b",x\n" + lines + b'"never closed,x\n' + huge)
    assert len(values(table)) == 6
    assert rejects(table) == {
        5: ("row-too-large", f"{len(huge) + 3} bytes"),
        9: ("bad-quoting", rejects(table)[9][1]),
        10: ("row-too-large", f"{len(huge)} bytes"),
    }


def test_columnar_files_are_read_as_polars_reads_them(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": f"你好 {n}"}], "n": n, "x": n / 2} for n in range(2_500)]
    frame = polars.DataFrame(rows)
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=700)
    frame.write_ipc(tmp_path / "b.feather", compression="zstd")
    frame.write_ipc_stream(tmp_path / "c.arrow")
    for file in files_of(str(tmp_path)):
        table = read_file(file)
        assert values(table) == rows
        assert table.columns == ("messages", "n", "x")
        assert [row.place.line for row in table.rows] == list(range(1, 2_501))
    (tmp_path / "d.arrow").write_bytes((tmp_path / "b.feather").read_bytes()[:-50])
    (tmp_path / "e.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-50])
    for name in ("d.arrow", "e.parquet"):
        with pytest.raises(TunesmithError, match="data-parquet"):
            read_file(tmp_path / name)


BIG5 = """問題,回答
請問信用卡遺失了該怎麼辦？,請立即與客服聯絡。
我想查詢帳戶餘額,請登入網路銀行。
如何開立新的存款帳戶？,請攜帶身分證件至分行辦理。
"""


def test_traditional_chinese_is_read_in_gbk_and_never_guessed_in_big5(tmp_path: Path) -> None:
    """Every line of this Big5 decodes as GB18030, to other characters."""
    assert "怎麼" not in BIG5.encode("big5").decode("gb18030")
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, "a.csv", BIG5.encode("big5"))
    assert (caught.value.code, caught.value.place.line) == ("data-encoding", 1)
    table = read(tmp_path, "b.csv", BIG5.encode("gb18030"))
    assert (table.encoding, values(table)[1]["問題"]) == ("gb18030", "我想查詢帳戶餘額")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_cell_of_columns_that_python_cannot_hold_costs_its_row(tmp_path: Path, name: str) -> None:
    """Nobody checks on writing that a text is UTF-8, and old warehouses hold GBK; years go beyond 9999."""
    written = pyarrow.array([b"good", "请问怎么退款".encode("gbk"), b"fine", b"late"], pyarrow.binary())
    texts = pyarrow.StringArray.from_buffers(4, *written.buffers()[1:])
    at = pyarrow.array([0, 0, 0, 2**62], pyarrow.timestamp("us"))
    table = pyarrow.table({"text": texts, "label": list("abcd"), "at": at})
    file = tmp_path / name
    if name.endswith("parquet"):
        pyarrow.parquet.write_table(table, file)
    else:
        with pyarrow.ipc.new_file(str(file), table.schema) as stream:
            stream.write_table(table)
    read_back = read_file(file)
    assert [row["text"] for row in values(read_back)] == ["good", "fine"]
    found = [row for row in read_back.rows if isinstance(row, Rejected)]
    assert [(row.place.line, row.reason) for row in found] == [(2, "bad-encoding"), (4, "bad-time")]
    assert (found[0].detail, found[0].row) == ("GB18030/GBK", "请问怎么退款")


@pytest.mark.parametrize("is_file", [True, False])
def test_an_arrow_file_that_points_outside_of_itself_is_an_error(tmp_path: Path, is_file: bool) -> None:
    """It ended the process with a segmentation fault."""
    table = pyarrow.table({"text": ["abcd", "efgh"]})
    buffer = io.BytesIO()
    with (pyarrow.ipc.new_file if is_file else pyarrow.ipc.new_stream)(buffer, table.schema) as stream:
        stream.write_table(table)
    offsets = b"".join(number.to_bytes(4, "little") for number in (0, 4, 8))
    assert buffer.getvalue().count(offsets) == 1
    damaged = offsets[:4] + (2**30).to_bytes(4, "little") + (2**30 + 4).to_bytes(4, "little")
    with pytest.raises(TunesmithError, match="data-parquet"):
        read(tmp_path, "a.arrow", buffer.getvalue().replace(offsets, damaged))


def test_what_is_not_a_number_is_missing(tmp_path: Path) -> None:
    columns = {"text": ["a", "b", "c"], "score": [1.5, float("nan"), None], "half": [2.0, 3.0, float("nan")]}
    kinds = {"text": pyarrow.string(), "score": pyarrow.float64(), "half": pyarrow.float32()}
    arrays = [pyarrow.array(columns[name], kind) for name, kind in kinds.items()]
    pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(kinds)), tmp_path / "a.parquet")
    assert values(read_file(tmp_path / "a.parquet")) == [
        {"text": "a", "score": 1.5, "half": 2.0},
        {"text": "b", "score": None, "half": 3.0},
        {"text": "c", "score": None, "half": None},
    ]
