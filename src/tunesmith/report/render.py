"""Templates to text: HTML with everything escaped, Markdown with what it acts on escaped."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tunesmith.report.wording import Words

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ACTIVE_IN_MARKDOWN: Final = re.compile(r"[\\<>|\[\]]")


def render_page(template: str, words: Words, style_sheets: tuple[str, ...], **context: object) -> str:
    """One self-contained HTML page: text from data stays text, the style sheets stand inside."""
    environment = _environment(autoescape=True)
    style = Markup("\n".join(_source(environment, name) for name in style_sheets))
    rendered = environment.get_template(template).render(t=words, language=words.language, style=style, **context)
    return rendered.lstrip()


def render_markdown(template: str, words: Words, **context: object) -> str:
    """Markdown whose text from data has the characters escaped that Markdown and HTML act on."""
    return _environment(autoescape=False).get_template(template).render(t=words, **context)


def source(name: str) -> str:
    """The text of a template, style sheet or script as it stands."""
    return _source(_environment(autoescape=True), name)


def encoded(text: str) -> bytes:
    # a model can write half of a surrogate pair, which no UTF-8 file can hold
    return text.encode("utf-8", "replace")


@cache
def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("tunesmith.report", "templates"),
        autoescape=autoescape,
        finalize=_visible if autoescape else _plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Text in which what stands between backticks is code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in parts)


def _source(environment: Environment, name: str) -> str:
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, name)[0]


def _visible(value: object) -> object:
    """Control characters, which HTML does not allow, become the replacement character."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value


def _plain(value: object) -> object:
    if type(value) is not str:
        return value
    one_line = " ".join(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", value).split())
    return _ACTIVE_IN_MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", one_line)
