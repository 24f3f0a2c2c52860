"""Markdown from templates, in which text from data stays text."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ACTIVE: Final = re.compile(r"[\\<>|\[\]]|&(?=#?[0-9A-Za-z]+;)")


def render(package: str, template: str, **context: object) -> str:
    """A template of `package`, filled; what Markdown and HTML act on is escaped in every text that is not `Markup`."""
    return _environment(package).get_template(template).render(context)


def visible(text: str) -> str:
    """Control characters, which HTML does not allow, become the replacement character."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(text: str) -> str:
    """One line, in which what Markdown and HTML act on stands as character references."""
    one_line = " ".join(visible(text).split())
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", one_line)


def encoded(text: str) -> bytes:
    # a model can write half of a surrogate pair, which no UTF-8 file can hold
    return text.encode("utf-8", "replace")


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=False,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _plain(value: object) -> object:
    return escaped(value) if type(value) is str else value
