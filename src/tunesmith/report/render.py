"""Templates to text: HTML with everything escaped, Markdown with what it acts on escaped."""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tunesmith.metrics.wording import Words
from tunesmith.text import markdown
from tunesmith.text.markdown import visible

PACKAGE: Final = "tunesmith.report"


def render_page(template: str, words: Words, style_sheets: tuple[str, ...], **context: object) -> str:
    """One self-contained HTML page: text from data stays text, the style sheets stand inside."""
    environment = _environment()
    style = Markup("\n".join(source(name) for name in style_sheets))
    rendered = environment.get_template(template).render(t=words, language=words.language, style=style, **context)
    return rendered.lstrip()


def render_markdown(template: str, words: Words, **context: object) -> str:
    """Markdown whose text from data has the characters escaped that Markdown and HTML act on."""
    return markdown.render(PACKAGE, template, t=words, **context)


def source(name: str) -> str:
    """The text of a template, style sheet or script as it stands."""
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, name)[0]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE, "templates"),
        autoescape=True,
        finalize=_visible,
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


def _visible(value: object) -> object:
    return visible(value) if type(value) is str else value
