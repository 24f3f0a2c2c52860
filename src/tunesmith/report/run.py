"""Write the report page and the model card."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tunesmith.artifacts import TunedModel, write_whole
from tunesmith.report.view import TUNED, Products, ReportView, report_view
from tunesmith.report.wording import Language, Words

HTML: Final = "report.html"
CARD: Final = "card.md"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ACTIVE_IN_MARKDOWN: Final = re.compile(r"[\\<>|\[\]]")
_HUB_LANGUAGES: Final = ("en", "zh")


@dataclass(frozen=True)
class ReportFiles:
    html: Path
    card: Path


def report(products: Products, *, language: Language, out: Path) -> ReportFiles:
    """Write `report.html`, one self-contained page, and `card.md`, a model card for the Hub, into the folder `out`.

    `products.models` are the trained arms by name; `tuned`, or else the first, is the one that the card describes.
    Each file is replaced whole or not at all.
    """
    words = Words(language)
    view = report_view(products, words)
    out.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(out / HTML, out / CARD)
    write_whole(files.html, _encode(render_html(view, words)))
    write_whole(files.card, _encode(render_card(view, products, words)))
    return files


def render_html(view: ReportView, words: Words) -> str:
    environment = _environment(autoescape=True)
    style = Markup(_source(environment, "report.css"))
    return (
        environment.get_template("report.html.j2")
        .render(view=view, t=words, language=words.language, style=style)
        .lstrip()
    )


def render_card(view: ReportView, products: Products, words: Words) -> str:
    """The model card: text from data has the characters that Markdown and HTML act on escaped."""
    environment = _environment(autoescape=False)
    name = TUNED if TUNED in products.models else next(iter(products.models))
    model = products.models[name]
    measured = dict(zip(products.models, view.method.models, strict=True))[name]
    return environment.get_template("card.md.j2").render(
        view=view,
        t=words,
        front_matter=Markup(_front_matter(products, model)),
        form=model.form,
        location=f"{model.folder.name}/{model.payload.name}",
        base_literal=Markup(repr(view.base)),
        splits={split.css_class: split.count for split in view.data.splits},
        facts=[*view.method.facts, *measured.facts],
    )


def _front_matter(products: Products, model: TunedModel) -> str:
    languages = {code for counts in products.dataset.report().languages.values() for code in counts}
    fields: dict[str, Any] = {
        "base_model": products.recipe.model.base,
        "library_name": "peft" if model.form == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        "language": [code for code in _HUB_LANGUAGES if code in languages],
        "license": "other",
        "tags": ["tunesmith", "sft", products.recipe.train.method.name],
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


@cache
def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("tunesmith.report", "templates"),
        autoescape=autoescape,
        finalize=_visible if autoescape else _plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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


def _encode(text: str) -> bytes:
    # a model can write half of a surrogate pair, which no UTF-8 file can hold
    return text.encode("utf-8", "replace")
