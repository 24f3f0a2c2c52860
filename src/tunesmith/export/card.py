"""The card of a bundle: what the model is, what was measured of it, and how it is used, in English and Chinese.

Every number is one of the run's; what only people know is told in their words, or told as not stated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts import write_whole
from tunesmith.artifacts.bundle import BundleBody, Certificate
from tunesmith.export.card_data import CARD_FACTS, CardFacts, card_data, data_licences, hub_id, public_name, set_form
from tunesmith.export.card_parts import Told, parts_of
from tunesmith.export.exporting import Exporting
from tunesmith.export.use import EMBEDDED, PACKAGE, use_section
from tunesmith.metrics.wording import Language, Words
from tunesmith.model.licence import licence_of
from tunesmith.recipe.export import FormName
from tunesmith.text.markdown import encoded, render

CARDS: Final[dict[Language, str]] = {"en": "README.md", "zh": "README.zh.md"}
OTHER_CARD: Final[dict[Language, str]] = {"en": "[中文](README.zh.md)", "zh": "[English](README.md)"}
"""What leads from each card to the other, in the language of its readers."""
LICENCE_OF_EMBEDDED: Final = "Apache-2.0"
PREFERRED: Final[tuple[FormName, ...]] = ("merged", "adapter", "int8", "gguf")
"""Which form the metadata speaks of, where a bundle has several."""


def write_card(exporting: Exporting, body: BundleBody, certificate: Certificate, folder: Path) -> None:
    """Write `README.md` with the Hub's metadata, `README.zh.md` and `card.json` into the folder of a bundle."""
    facts = card_facts(exporting)
    told = Told(
        key=exporting.identity().key(),
        body=body,
        certificate=certificate,
        recipe=exporting.recipe,
        dataset=exporting.dataset.report(),
        training=exporting.model.training(),
        scorecard=None if exporting.scorecard is None else exporting.scorecard.body,
        facts=facts,
    )
    write_whole(folder / CARD_FACTS, facts.model_dump_json(indent=1).encode())
    for language, name in CARDS.items():
        write_whole(folder / name, encoded(_card(told, language)))


def card_facts(exporting: Exporting) -> CardFacts:
    """What is left for those who have the bundle alone."""
    reference, head = exporting.recipe.model.base, exporting.model.head()
    base_licence = LICENCE_OF_EMBEDDED if reference == EMBEDDED else licence_of(exporting.base.folder)
    return CardFacts(
        base=public_name(reference),
        hub_base=hub_id(reference),
        num_outputs=None if head is None else head.num_outputs,
        licence=exporting.recipe.export.licence or base_licence,
        base_licence=base_licence,
        data_licences=data_licences(exporting.recipe.prepare),
    )


def _card(told: Told, language: Language) -> str:
    words = Words(language)
    return render(
        PACKAGE,
        "model_card.md.j2",
        t=words,
        front_matter=Markup(_front_matter(told)) if language == "en" else "",
        title=words("report.card.title", name=told.body.name, base=told.facts.base),
        other_card=Markup(OTHER_CARD[language]),
        parts=parts_of(told, words),
        use=use_section(told.body.forms, told.facts.base, language),
    )


def _front_matter(told: Told) -> str:
    languages = [code for counts in told.dataset.languages.values() for code in counts]
    judged = None if told.scorecard is None else (told.scorecard, told.body.arm)
    data = card_data(told.facts, told.recipe, languages, judged)
    names = [form.name for form in told.body.forms]
    set_form(data, next(name for name in PREFERRED if name in names))
    return f"{data.to_yaml()}\n"
