"""Write the report page and the model card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from markupsafe import Markup

from tunesmith.artifacts import TunedModel, write_whole
from tunesmith.metrics.wording import Language, Words
from tunesmith.report.render import render_markdown, render_page
from tunesmith.report.view import TUNED, Products, ReportView, report_view
from tunesmith.text.markdown import encoded

HTML: Final = "report.html"
CARD: Final = "card.md"
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
    write_whole(files.html, encoded(render_html(view, words)))
    write_whole(files.card, encoded(render_card(view, products, words)))
    return files


def render_html(view: ReportView, words: Words) -> str:
    return render_page("report.html.j2", words, ("report.css", "details.css"), view=view)


def render_card(view: ReportView, products: Products, words: Words) -> str:
    """The model card: text from data has the characters that Markdown and HTML act on escaped."""
    name = TUNED if TUNED in products.models else next(iter(products.models))
    model = products.models[name]
    measured = dict(zip(products.models, view.method.models, strict=True))[name]
    return render_markdown(
        "card.md.j2",
        words,
        view=view,
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
