"""Write the page and the Markdown card of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from markupsafe import Markup

from tunesmith.artifacts import DatasetReport, write_whole
from tunesmith.metrics.wording import Language, Words
from tunesmith.records import SPLITS
from tunesmith.report.data_view import Card, CardView, card_view
from tunesmith.report.render import render_markdown, render_page
from tunesmith.report.view import DATA_PAGE
from tunesmith.text.markdown import encoded

CARD: Final = "DATACARD.md"
_HUB_LANGUAGES: Final = ("en", "zh")
_HUB_TASKS: Final = {"labels": "text-classification", "text": "text-generation"}
_HUB_SIZES: Final = (
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    *((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")),
)


@dataclass(frozen=True)
class CardFiles:
    html: Path
    card: Path


def data_card(card: Card, *, language: Language, out: Path) -> CardFiles:
    """Write `prepare.html`, one self-contained page, and `DATACARD.md`, a dataset card for the Hub, into `out`.

    Each file is replaced whole or not at all.
    """
    words = Words(language)
    view = card_view(card, words)
    out.mkdir(parents=True, exist_ok=True)
    files = CardFiles(out / DATA_PAGE, out / CARD)
    page = render_page("prepare.html.j2", words, ("report.css", "prepare.css"), view=view)
    write_whole(files.html, encoded(page))
    write_whole(files.card, encoded(_markdown(view, card, words)))
    return files


def _markdown(view: CardView, card: Card, words: Words) -> str:
    report = card.dataset.report()
    return render_markdown(
        "datacard.md.j2",
        words,
        view=view,
        front_matter=Markup(_front_matter(view.title, report)),
        recipe_yaml=Markup(view.lineage.recipe_yaml),
        data_files=Markup(repr({split: f"{split}.jsonl" for split in SPLITS if report.splits[split]})),
    )


def _front_matter(name: str, report: DatasetReport) -> str:
    """The metadata that the Hub reads (huggingface/hub-docs, `datasetcard.md`)."""
    languages = {code for counts in report.languages.values() for code in counts}
    splits = [{"split": split, "path": f"{split}.jsonl"} for split in SPLITS if report.splits[split]]
    num_rows = sum(report.splits.values())
    fields: dict[str, Any] = {
        "pretty_name": name,
        "language": [code for code in _HUB_LANGUAGES if code in languages or "mixed" in languages],
        "license": "other",
        "task_categories": [_HUB_TASKS[report.task]],
        "size_categories": [next((size for most, size in _HUB_SIZES if num_rows < most), "1B<n<10B")],
        "tags": ["tunesmith"],
        "configs": [{"config_name": "default", "data_files": splits}],
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
