from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from least_time import least_seconds
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from tunesmith.errors import TunesmithError
from tunesmith.prepare import documents
from tunesmith.prepare.formats import layout_of
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Table
from tunesmith.prepare.sources import tables_of
from tunesmith.recipe import Source
from tunesmith.records import Rejected


def read(folder: Path, name: str, content: bytes) -> Table:
    (folder / name).write_bytes(content)
    return read_file(folder / name)


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.values.items() if name != "document"} for row in good(table)]


def good(table: Table) -> list[RawRow]:
    return [row for row in table.rows if isinstance(row, RawRow)]


def test_a_text_file_gives_its_paragraphs_with_their_lines(tmp_path: Path) -> None:
    content = "\n第一段，\n第二行。\n \n\nSecond paragraph.\r\nGoes on.\n\n  # not a heading here".encode("utf-8-sig")
    table = read(tmp_path, "a.txt", content)
    assert [(row.place.line, row.values["text"]) for row in good(table)] == [
        (2, "第一段，\n第二行。"),
        (6, "Second paragraph.\nGoes on."),
        (9, "# not a heading here"),
    ]
    for row in good(table):
        assert content[row.place.byte :].decode().lstrip().startswith(row.values["text"][:4])
    assert {row.values["document"] for row in good(table)} == {"a.txt"}
    assert rows_of(table) == rows_of(table)


@pytest.mark.thorough
def test_damaged_and_huge_paragraphs_cost_only_themselves(tmp_path: Path) -> None:
    good_lines = "好的一段。\n\n另一段。\n\n还有一段。\n\n".encode()
    table = read(tmp_path, "a.txt", good_lines + b"broken \xe9\x80 here\n\n" + b"x" * (2**24 + 9) + b"\n\nlast")
    found = [row.reason if isinstance(row, Rejected) else row.place.line for row in table.rows]
    assert found == [1, 3, 5, "bad-encoding", "row-too-large", 11]
    # many lines without a blank one between them
    lines = b"".join(b"%07d " % number * 100 + b"\n" for number in range(30_000))
    table = read(tmp_path, "b.txt", lines + b"\n\nlast")
    assert next(row.reason for row in table.rows if isinstance(row, Rejected)) == "row-too-large"
    assert good(table)[-1].values["text"] == "last"


def test_old_chinese_text_is_decoded(tmp_path: Path) -> None:
    table = read(tmp_path, "a.txt", "这是第一段文字。\n\n这是第二段文字。".encode("gb18030"))
    assert table.encoding == "gb18030"
    assert [row["text"] for row in rows_of(table)] == ["这是第一段文字。", "这是第二段文字。"]


MARKDOWN = """---
author: someone
---
# Guide to *cards* #
Intro
text.

## Lost card
Call us.

- one
- two

```python
# a comment, no heading

print(1)
```
### Abroad
Far away.

Fees
----
None.
#hashtag is text
"""


def test_markdown_keeps_the_path_of_headings(tmp_path: Path) -> None:
    table = read(tmp_path, "a.md", MARKDOWN.encode())
    title = "Guide to *cards*"
    expected = [
        ("Intro\ntext.", title),
        ("Call us.", f"{title} > Lost card"),
        ("- one\n- two", f"{title} > Lost card"),
        ("```python\n# a comment, no heading\n\nprint(1)\n```", f"{title} > Lost card"),
        ("Far away.", f"{title} > Lost card > Abroad"),
        ("None.\n#hashtag is text", f"{title} > Fees"),
    ]
    assert [(row["text"], row["heading"]) for row in rows_of(table)] == expected
    assert {row["title"] for row in rows_of(table)} == {title}
    lines = MARKDOWN.split("\n")
    for row in good(table):
        assert row.values["text"].startswith(lines[(row.place.line or 0) - 1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\n\n第一段。\n\n---\n\n第二段。\n", ["---", "第一段。", "---", "第二段。"]),
        ("---\n第一段。\n\n第二段。\n", ["---\n第一段。", "第二段。"]),
        ("---\nauthor: 某人\n\ntags: []\n...\n正文。\n", ["正文。"]),
    ],
)
def test_a_ruled_line_at_the_top_of_markdown_swallows_nothing(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert [row["text"] for row in rows_of(read(tmp_path, "a.md", text.encode()))] == expected


def test_headings_of_markdown_are_found_at_once(tmp_path: Path) -> None:
    spaced = "# a" + " " * 100_000 + "b #"
    lines = [spaced, "one", "", "#", "two", "", "####### no", "", "#no", "", "    # no", "", "## # ##", "three"]
    text = "\n".join(lines).encode()
    assert least_seconds(lambda: rows_of(read(tmp_path, "a.md", text)), 1.0) < 1.0
    assert [(row["text"], row.get("heading", "")) for row in rows_of(read(tmp_path, "a.md", text))] == [
        ("one", spaced[2:-2]),
        ("two", ""),
        ("####### no", ""),
        ("#no", ""),
        ("# no", ""),
        ("three", "#"),
    ]


HTML = """<!DOCTYPE html><html><head><title> Help
 centre </title><style>p {color: red}</style></head><body>
<nav><ul><li>Home</li></ul></nav>
<script>var x = "<p>no</p>";</script>
<h1>Cards &amp; <em>more</em></h1>
<p>Your  card
 is <b>blocked</b>.<br>Call us.</p>
<h2>费用</h2><div>没有费用。<p>真的。</p>结束</div>
<table><tr><th>Card</th><th>Fee</th></tr><tr><td>Gold</td><td><b>5</b> €</td></tr></table>
<pre>a
  b</pre>first<br><br>second
</body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_html_gives_the_blocks_that_a_reader_sees(tmp_path: Path, encoding: str) -> None:
    text = HTML if encoding == "utf-8" else HTML.replace("€", "元")
    table = read(tmp_path, "a.html", text.encode(encoding))
    one, two = "Cards & more", "Cards & more > 费用"
    assert [(row["text"], row.get("heading")) for row in rows_of(table)] == [
        ("Home", None),
        ("Your card is blocked.\nCall us.", one),
        ("没有费用。", two),
        ("真的。", two),
        ("结束", two),
        ("Card | Fee", two),
        ("Gold | 5 €" if encoding == "utf-8" else "Gold | 5 元", two),
        ("a\n  b", two),
        ("first", two),
        ("second", two),
    ]
    assert {row["title"] for row in rows_of(table)} == {"Help centre"}
    assert [row.place.field for row in good(table)] == [f"paragraph {number}" for number in range(1, 11)]


def test_docx_gives_paragraphs_and_table_rows_under_their_headings(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "手册"
    document.add_paragraph("Before any heading")
    document.add_heading("卡片", 1)
    document.add_paragraph("")
    document.add_paragraph("第一段")
    document.add_heading("Fees", 2)
    table = document.add_table(2, 2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Card", "Fee", "Gold", "5"), strict=True
    ):
        cell.text = text
    document.add_heading("Other", 1)
    document.add_paragraph("Last")
    document.save(str(tmp_path / "a.docx"))
    found = rows_of(read_file(tmp_path / "a.docx"))
    assert [(row["text"], row.get("heading"), row["paragraph"]) for row in found] == [
        ("Before any heading", None, 1),
        ("第一段", "卡片", 2),
        ("Card | Fee", "卡片 > Fees", 3),
        ("Gold | 5", "卡片 > Fees", 4),
        ("Last", "Other", 5),
    ]
    assert {row["title"] for row in found} == {"手册"}


def test_docx_loses_no_words_of_changes_controls_boxes_and_cells(tmp_path: Path) -> None:
    """A contract with tracked changes: what it says depends on the words that were put in."""
    document = docx.Document()
    blocks = [
        "<w:p><w:r><w:t xml:space='preserve'>The fee is </w:t></w:r><w:ins w:id='1'><w:r><w:t>not </w:t></w:r></w:ins>"
        "<w:del w:id='2'><w:r><w:delText>always</w:delText><w:tab/></w:r></w:del><w:r><w:t>due.</w:t></w:r></w:p>",
        "<w:sdt><w:sdtContent><w:p><w:pPr><w:pStyle w:val='Heading1'/></w:pPr><w:r><w:t>合同</w:t></w:r></w:p>"
        "</w:sdtContent></w:sdt>",
        "<w:p><w:r><w:t>甲方：</w:t></w:r><w:sdt><w:sdtContent><w:r><w:t>某公司</w:t></w:r></w:sdtContent></w:sdt></w:p>",
        "<w:p><w:r><w:ruby><w:rt><w:r><w:t>hàn</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>汉</w:t></w:r></w:rubyBase>"
        "</w:ruby></w:r><w:r><w:t>字</w:t></w:r></w:p>",
        "<w:p><w:r><w:t>Beside</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>boxed</w:t>"
        "</w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p>"
        "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    ]
    spaces = f"{nsdecls('w')} xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'"
    for block in blocks:
        document.element.body[-1].addprevious(parse_xml(block.replace(">", f" {spaces}>", 1)))
    table = document.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 2)).text = "Fees"
    table.cell(1, 0).text = "Gold"
    table.cell(1, 1).add_table(1, 1).cell(0, 0).text = "nested"
    table.cell(1, 2).text = "5"
    document.save(str(tmp_path / "a.docx"))
    assert [(row["text"], row.get("heading")) for row in rows_of(read_file(tmp_path / "a.docx"))] == [
        ("The fee is not due.", None),
        ("甲方：某公司", "合同"),
        ("汉字", "合同"),
        ("Beside", "合同"),
        ("boxed", "合同"),
        ("Fees", "合同"),
        ("Gold | nested | 5", "合同"),
    ]


def pdf(*pages: list[str], password: str = "", to_unicode: str = "") -> bytes:
    """Each page a list of lines; an empty one leaves a gap of a line."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    if to_unicode:
        named = DecodedStreamObject()
        named.set_data(to_unicode.encode())
        font[NameObject("/ToUnicode")] = writer._add_object(named)
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        drawn = (
            "BT /F1 12 Tf 14 TL 50 800 Td "
            + " T* ".join(f"({line}) Tj" if line else "( ) Tj" for line in lines)
            + " ET"
        )
        content = DecodedStreamObject()
        content.set_data(drawn.encode() if lines else b"")
        page[NameObject("/Contents")] = writer._add_object(content)
    writer.add_metadata({"/Title": "Report"})
    if password:
        writer.encrypt(password, algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_pdf_gives_page_and_paragraph(tmp_path: Path) -> None:
    table = read(tmp_path, "a.pdf", pdf(["First line", "goes on", "", "Second"], [], ["Third"]))
    assert rows_of(table) == [
        {"text": "First line\ngoes on", "title": "Report", "page": 1, "paragraph": 1},
        {"text": "Second", "title": "Report", "page": 1, "paragraph": 2},
        {"text": "Third", "title": "Report", "page": 3, "paragraph": 1},
    ]
    assert [str(row.place).removeprefix(f"{tmp_path}/") for row in table.rows] == [
        "a.pdf (page 1, paragraph 1)",
        "a.pdf (page 1, paragraph 2)",
        "a.pdf (page 2)",
        "a.pdf (page 3, paragraph 1)",
    ]
    assert [row.reason for row in table.rows if isinstance(row, Rejected)] == ["page-without-text"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"", "data-empty"),
        ("a.pdf", b"%PDF-1.4 nothing", "data-document"),
        ("a.pdf", b"not a pdf", "data-document"),
        ("a.pdf", pdf(["text"]).replace(b"/Pages", b"/Pagex"), "data-document"),
        ("a.docx", b"", "data-empty"),
        ("a.docx", b"not a zip", "data-document"),
        ("a.txt", b" \n\n", "data-empty"),
        ("a.html", b"<html><body><p> </p></body></html>", "data-no-rows"),
        ("a.html", "<p>Café crème à la carte</p>".encode("latin-1"), "data-encoding"),
    ],
)
def test_unusable_documents_are_coded_errors(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(TunesmithError) as caught:
        read(tmp_path, name, content)
    assert caught.value.code == code
    assert all(caught.value.message(language) and caught.value.hint(language) for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ("word/document.xml", (b"<w:body>", b"<w:bodies>")),
        ("word/styles.xml", (b'w:type="paragraph"', b'w:type="pa"')),
        ("docProps/core.xml", (b"coreProperties", b"coreProbabilities")),
        ("[Content_Types].xml", (b"<", b">")),
    ],
)
def test_a_damaged_docx_is_a_coded_error(tmp_path: Path, part: str, damage: tuple[bytes, bytes]) -> None:
    buffer = io.BytesIO()
    document = docx.Document()
    document.add_heading("Heading", 1)
    document.save(buffer)
    with zipfile.ZipFile(buffer) as sound, zipfile.ZipFile(tmp_path / "a.docx", "w") as damaged:
        for name in sound.namelist():
            content = sound.read(name)
            damaged.writestr(name, content.replace(*damage) if name == part else content)
    with pytest.raises(TunesmithError, match=r"data-document|data-no-rows"):
        list(read_file(tmp_path / "a.docx").rows)


def test_half_a_character_of_a_pdf_costs_its_page(tmp_path: Path) -> None:
    """A font that names an emoji by its two halves; on the second page stands one of them alone."""
    cmap = "1 begincodespacerange <00> <FF> endcodespacerange 2 beginbfchar <41> <D83D> <42> <DE00> endbfchar"
    table = read(tmp_path, "a.pdf", pdf(["AB"], ["A"], to_unicode=cmap))
    assert [row["text"] for row in rows_of(table)] == ["😀"]
    assert [(row.reason, row.place.field) for row in table.rows if isinstance(row, Rejected)] == [
        ("bad-page", "page 2")
    ]


def test_locked_and_oversized_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TunesmithError, match="document-locked"):
        read(tmp_path, "a.pdf", pdf(["secret"], password="x"))
    docx.Document().save(str(tmp_path / "a.docx"))
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 1_000)
    for file in ("a.docx", "a.html"):
        (tmp_path / "a.html").write_text("<p>word</p>" * 200)
        with pytest.raises(TunesmithError, match="document-too-large"):
            read_file(tmp_path / file)


def test_documents_say_what_they_lack_and_labels_can_be_joined(tmp_path: Path) -> None:
    for name, text in (("a.txt", "good\n\nvery good"), ("b.txt", "bad")):
        (tmp_path / name).write_text(text)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "labels.csv").write_text("document,label\na.txt,praise\nb.txt,complaint\n")
    pattern = str(tmp_path / "*.txt")
    with pytest.raises(TunesmithError, match="data-only-text") as caught:
        layout_of(next(tables_of(Source(path=pattern))), Source(path=pattern))
    assert "join" in caught.value.hint("zh")
    join = {"path": str(tmp_path / "more" / "labels.csv"), "on": "document"}
    tables = list(tables_of(Source.model_validate({"path": pattern, "join": join})))
    assert [layout_of(table, Source(path=pattern)).format for table in tables] == ["labels", "labels"]
    found = [(row.values["text"], row.values["label"]) for table in tables for row in good(table)]
    assert found == [("good", "praise"), ("very good", "praise"), ("bad", "complaint")]
