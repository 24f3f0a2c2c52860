"""Readers of documents: text, Markdown, HTML, DOCX and PDF, one row a paragraph.

Each row has `text`, `document` (the file's name), `paragraph` (counted from 1) and, where the document tells, `title`,
`heading` (the path to it, ` > ` between) and `page`. Text and Markdown are placed by line, the others by paragraph.
Files are read as saved; nothing that they link to is fetched.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.encoding import (
    Line,
    blocks_of,
    bytes_to_text,
    decode,
    holds_undecoded_bytes,
    judge,
    lines_of,
    undecoded_to_text,
)
from tunesmith.prepare.files import reading, unreadable
from tunesmith.prepare.rows import MAX_ROW_BYTES, RawRow, Table, cut, table_of
from tunesmith.records import Rejected

if TYPE_CHECKING:
    from docx.document import Document
    from pypdf import PdfReader
    from selectolax.lexbor import LexborNode

Rows = Iterator[RawRow | Rejected]
COLUMNS: Final = ("text", "document", "title", "heading", "page", "paragraph")
# HTML and DOCX are held in memory as a tree.
MAX_DOCUMENT_BYTES: Final = 2**26
_SPACE: Final = re.compile(r"\s+")
_BLANK_LINES: Final = re.compile(r"\n\s*\n")
_MAX_HEADING_LINES: Final = 4
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_UNSEEN_TAGS: Final = ["script", "style", "template", "noscript", "head"]
_HEADING_TAGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_DOCX_RUNS: Final = ".//w:r[not(ancestor::w:del or ancestor::w:moveFrom or ancestor::w:rt)]"
# Word writes a text box twice, for itself and for older programs.
_ONCE: Final = "[not(ancestor::*[local-name() = 'Fallback'])]"
_BLOCK_TAGS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "legend", "li", "main", "menu", "nav"),
        *("ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul", *_HEADING_TAGS),
    )
)


@dataclass(slots=True)
class _Headings:
    """Where in a document one is."""

    path: dict[int, str] = field(default_factory=dict)
    """Heading by level, from 1."""

    def go(self, level: int, text: str) -> None:
        self.path = {above: name for above, name in sorted(self.path.items()) if above < level} | {level: text}

    def __str__(self) -> str:
        return " > ".join(text for text in self.path.values() if text)


class _Paragraph(NamedTuple):
    text: str
    heading: str = ""
    page: int | None = None


def read_text(file: Path) -> Table:
    """Paragraphs are parted by blank lines."""
    return _text_table(file, is_markdown=False)


def read_markdown(file: Path) -> Table:
    """Paragraphs are parted by blank lines outside of fenced code; the first heading of level 1 is the title."""
    return _text_table(file, is_markdown=True)


def read_html(file: Path) -> Table:
    """Every block with text of its own is a paragraph; a table row is one, ` | ` between its cells."""
    judged = judge(file)
    if judged.first_bad_line is not None:
        raise TunesmithError("data-encoding", place=Place(str(file), judged.first_bad_line))

    def rows() -> Rows:
        from selectolax.lexbor import LexborHTMLParser

        content = bytearray()
        for block in blocks_of(file):
            content += block
            _check_size(len(content), file)
        parsed = LexborHTMLParser(decode(bytes(content), judged))
        title = parsed.css_first("title")
        parsed.strip_tags(_UNSEEN_TAGS)
        if parsed.body is not None:
            named = _one_line(title.text()) if title is not None else ""
            yield from _numbered(file, _html_paragraphs(parsed.body), named)

    return table_of(str(file), rows, columns=COLUMNS, encoding=judged.encoding)


def read_docx(file: Path) -> Table:
    """Paragraphs of the body; a table row is one, ` | ` between its cells."""
    _check_filled(file)

    def rows() -> Rows:
        with _document_errors(file):
            opened = _open_docx(file)
            yield from _numbered(file, _docx_paragraphs(opened), opened.core_properties.title or "")

    return table_of(str(file), rows, columns=COLUMNS, encoding="binary")


def read_pdf(file: Path) -> Table:
    """Text between blank lines of a page; a page without any, such as a scan, is a Rejected."""
    _check_filled(file)

    def rows() -> Rows:
        with reading(file) as stream:
            reader, title, num_pages = _open_pdf(file, stream)
            for number in range(1, num_pages + 1):
                yield from _page_rows(file, reader, number, title)

    return table_of(str(file), rows, columns=COLUMNS, encoding="binary")


DOCUMENT_READERS: Final[dict[str, Callable[[Path], Table]]] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".docx": read_docx,
    ".pdf": read_pdf,
}


def _text_table(file: Path, *, is_markdown: bool) -> Table:
    judged = judge(file)

    def rows() -> Rows:
        headings, number = _Headings(), 0
        for lines in _line_groups(file, is_markdown):
            first = lines[0]
            place = Place(str(file), first.number, byte=first.byte)
            if sum(line.num_bytes for line in lines) > MAX_ROW_BYTES:
                yield Rejected(place, "row-too-large", f"> {MAX_ROW_BYTES} bytes", cut(bytes_to_text(first.content)[0]))
                continue
            written = "".join(decode(line.content, judged) for line in lines)
            text = written.strip()
            if holds_undecoded_bytes(text):
                readable, guess = undecoded_to_text(text)
                yield Rejected(place, "bad-encoding", guess, cut(readable))
            elif not (is_markdown and _is_heading(written.rstrip(), headings)):
                number += 1
                title = headings.path.get(1, "")
                yield _row(place, file, number, _Paragraph(text.replace("\r\n", "\n"), str(headings)), title)

    return table_of(str(file), rows, columns=COLUMNS, encoding=judged.encoding)


def _line_groups(file: Path, is_markdown: bool) -> Iterator[list[Line]]:
    """The lines of each paragraph or heading; a paragraph that grows too large ends where it does."""
    group: list[Line] = []
    num_bytes, fence = 0, ""
    for line in _without_front_matter(lines_of(file)) if is_markdown else lines_of(file):
        content = line.content
        marker = _fence_of(content) if is_markdown else ""
        is_heading = is_markdown and not fence and content.lstrip(b" ").startswith(b"#") and _is_atx(content)
        if (content.isspace() and not fence) or is_heading or num_bytes > MAX_ROW_BYTES:
            if group:
                yield group
            group, num_bytes = [], 0
        if is_heading:
            yield [line]
            continue
        if marker and not fence:
            fence = marker
        elif fence and marker.startswith(fence):
            fence = ""
        if group or not content.isspace():
            group.append(line)
            num_bytes += line.num_bytes
        if is_markdown and not fence and 1 < len(group) <= _MAX_HEADING_LINES and _is_underline(content):
            yield group
            group, num_bytes = [], 0
    if group:
        yield group


def _without_front_matter(lines: Iterator[Line]) -> Iterator[Line]:
    """Markdown may begin with fields between two lines of `---`; they are no text.

    A `---` above a blank line, or one that none follows, is a ruled line.
    """
    front: list[Line] = []
    for line in lines:
        front.append(line)
        mark = line.content.rstrip()
        if line.number > 1 and mark in (b"---", b"..."):
            front.clear()
            break
        if (mark != b"---") if line.number == 1 else (line.number == 2 and not mark) or line.byte > MAX_ROW_BYTES:
            break
    yield from front
    yield from lines


def _fence_of(content: bytes) -> str:
    match = _FENCE.match(content[:200].decode("latin-1"))
    return match.group(1) if match else ""


def _is_atx(content: bytes) -> bool:
    return _heading_of(content.decode("latin-1")) is not None


def _heading_of(line: str) -> tuple[int, str] | None:
    """The level and the text of a heading that begins with `#`, and may end with some."""
    bare = line.lstrip(" ")
    rest = bare.lstrip("#")
    level = len(bare) - len(rest)
    if len(line) - len(bare) > 3 or not 1 <= level <= 6 or not (rest[:1] + " ").isspace():
        return None
    text = rest.strip()
    unclosed = text.rstrip("#")
    return level, text if unclosed and not unclosed[-1].isspace() else unclosed.rstrip()


def _is_underline(content: bytes) -> bool:
    return _UNDERLINE.match(content[:200].decode("latin-1").rstrip("\r\n")) is not None


def _is_heading(text: str, headings: _Headings) -> bool:
    """Whether a group of lines is a heading, which is then gone to."""
    *above, last = text.split("\n")
    heading = None if above else _heading_of(text)
    if heading is not None:
        headings.go(*heading)
        return True
    if above and len(above) < _MAX_HEADING_LINES and _UNDERLINE.match(last) and not _FENCE.match(above[0]):
        headings.go(1 if "=" in last else 2, _one_line(" ".join(above)))
        return True
    return False


def _html_paragraphs(body: LexborNode) -> Iterator[_Paragraph]:
    headings, parts = _Headings(), list[str]()
    current: LexborNode | None = None
    for node in body.traverse(include_text=True):
        if node.tag == "br":
            parts.append("\n")
        elif node.tag in ("td", "th") and parts:
            parts.append(" | ")
        elif node.tag == "-text":
            block = _block_of(node)
            if current is None or block.mem_id != current.mem_id:
                yield from _html_block(current, parts, headings)
                current, parts = block, []
            text = node.text(deep=False)
            parts.append(text if block.tag == "pre" else _SPACE.sub(" ", text))
    yield from _html_block(current, parts, headings)


def _block_of(node: LexborNode) -> LexborNode:
    while node.parent is not None and node.tag not in _BLOCK_TAGS:
        node = node.parent
    return node


def _html_block(block: LexborNode | None, parts: list[str], headings: _Headings) -> Iterator[_Paragraph]:
    if block is None:
        return
    text = "".join(parts)
    for piece in [text.strip("\n")] if block.tag == "pre" else _BLANK_LINES.split(text.replace(" \n", "\n")):
        piece = piece if block.tag == "pre" else piece.strip(" |\n")
        if piece.strip() and block.tag in _HEADING_TAGS:
            headings.go(int(block.tag[1]), _one_line(piece))
        elif piece.strip():
            yield _Paragraph(piece, str(headings))


@contextmanager
def _document_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except TunesmithError:
        raise
    except Exception as error:  # of a damaged file the libraries raise whatever they trip over
        raise TunesmithError("data-document", place=Place(str(file)), problem=str(error).split("\n")[0]) from error


def _open_docx(file: Path) -> Document:
    import docx

    with zipfile.ZipFile(file) as packed:
        _check_size(sum(entry.file_size for entry in packed.infolist()), file)
    return docx.Document(str(file))


def _docx_paragraphs(opened: Document) -> Iterator[_Paragraph]:
    from docx.oxml.text.paragraph import CT_P
    from docx.table import Table as DocxTable
    from docx.text.paragraph import Paragraph

    headings = _Headings()
    for block in _docx_blocks(opened.element.body):
        if isinstance(block, CT_P):
            text, style = _docx_text(block), Paragraph(block, opened).style
            level = re.fullmatch(r"Heading ([1-9])", (style and style.name) or "")
            if text and level:
                headings.go(int(level.group(1)), _one_line(text))
            elif text:
                yield _Paragraph(text, str(headings))
            continue
        for row in DocxTable(block, opened).rows:
            # a cell that spans columns is given once for each
            cells = [" ".join(map(_docx_text, cell._tc.xpath(f".//w:p{_ONCE}"))) for cell in dict.fromkeys(row.cells)]
            if any(cells):
                yield _Paragraph(" | ".join(map(_one_line, cells)), str(headings))


def _docx_blocks(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables, those in content controls and text boxes too, as elements of XML."""
    for child in parent:
        kind = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if kind in ("p", "tbl"):
            yield child
        elif kind in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _docx_blocks(child)
        for box in child.xpath(f".//w:txbxContent{_ONCE}") if kind == "p" else ():
            yield from _docx_blocks(box)


def _docx_text(paragraph: Any) -> str:
    """What a reader sees when all tracked changes are accepted; of ruby its base alone."""
    runs = paragraph.xpath(_DOCX_RUNS)
    # a text box in it has paragraphs of its own
    return "".join(run.text for run in runs if next(run.iterancestors(paragraph.tag)) is paragraph).strip()


def _open_pdf(file: Path, stream: object) -> tuple[PdfReader, str, int]:
    """The document, its title and the number of its pages."""
    from pypdf import PdfReader

    with _document_errors(file):
        reader = PdfReader(stream)  # type: ignore[arg-type]
        is_locked = reader.is_encrypted and not reader.decrypt("")
        title = "" if is_locked else str((reader.metadata and reader.metadata.title) or "")
        num_pages = 0 if is_locked else len(reader.pages)
    if is_locked:
        raise TunesmithError("document-locked", place=Place(str(file)))
    return reader, title, num_pages


def _page_rows(file: Path, reader: PdfReader, number: int, title: str) -> Rows:
    place = Place(str(file), field=f"page {number}")
    try:
        # a font may name the halves of a character one by one; half of one is an error
        text = reader.pages[number - 1].extract_text().encode("utf-16", "surrogatepass").decode("utf-16")
    except Exception as error:  # whatever the library trips over; the other pages may be sound
        yield Rejected(place, "bad-page", str(error).split("\n")[0])
        return
    pieces = [piece.strip() for piece in _BLANK_LINES.split(text) if piece.strip()]
    if not pieces:
        yield Rejected(place, "page-without-text")
    for paragraph, piece in enumerate(pieces, 1):
        place = Place(str(file), field=f"page {number}, paragraph {paragraph}")
        yield _row(place, file, paragraph, _Paragraph(piece, page=number), title)


def _numbered(file: Path, paragraphs: Iterator[_Paragraph], title: str) -> Rows:
    for number, paragraph in enumerate(paragraphs, 1):
        yield _row(Place(str(file), field=f"paragraph {number}"), file, number, paragraph, title)


def _row(place: Place, file: Path, number: int, paragraph: _Paragraph, title: str) -> RawRow:
    values: dict[str, str | int] = {"text": paragraph.text, "document": file.name, "paragraph": number}
    if title:
        values["title"] = title
    if paragraph.heading:
        values["heading"] = paragraph.heading
    if paragraph.page is not None:
        values["page"] = paragraph.page
    return RawRow(place, values)


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _check_filled(file: Path) -> None:
    try:
        num_bytes = file.stat().st_size
    except OSError as error:
        raise unreadable(file, error) from error
    if num_bytes == 0:
        raise TunesmithError("data-empty", place=Place(str(file)))


def _check_size(num_bytes: int, file: Path) -> None:
    if num_bytes > MAX_DOCUMENT_BYTES:
        limit = f"{MAX_DOCUMENT_BYTES >> 20} MiB"
        raise TunesmithError("document-too-large", place=Place(str(file)), limit=limit)
