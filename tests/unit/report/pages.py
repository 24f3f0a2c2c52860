"""A page read back: its tables, texts and tags."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Cells of every table by its test id, elements by test id, and a check that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str]]] = []
        self.tags: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: dict[str, str] = {}
        self.classes: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.tags.append(tag)
        self.classes += values.get("class", "").split()
        if tag not in VOID:
            self.open.append((tag, values))
        if tag == "tr" and (table := self._table()):
            self.tables.setdefault(table, []).append([])
        if tag in ("td", "th") and (table := self._table()):
            self.tables[table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        for _, values in self.open:
            name = values.get("data-testid")
            if name:
                self.texts[name] = self.texts.get(name, "") + data
        if any(tag in ("td", "th") for tag, _ in self.open) and (table := self._table()):
            self.tables[table][-1][-1] += data + " "

    def _table(self) -> str:
        return next((values.get("data-testid", "") for tag, values in reversed(self.open) if tag == "table"), "")


def numbers(cell: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"[-+]?\d[\d,]*\.?\d*", cell.replace("−", "-"))]
