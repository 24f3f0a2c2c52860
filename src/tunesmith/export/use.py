"""The section of a card on how each form is used: its commands, and how to come by the files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts.bundle import Form
from tunesmith.metrics.wording import Language, Words
from tunesmith.recipe.export import FormName
from tunesmith.text.markdown import render

PACKAGE: Final = "tunesmith.export"
EMBEDDED: Final = "builtin:tiny"
BASE: Final = "BASE"
"""Stands in a command for the folder of a base that is on no Hub."""
BY_NAME: Final[tuple[FormName, ...]] = ("adapter", "merged")
"""Forms whose loaders take the name of a repository in place of a folder."""
_SECTION: Final = re.compile(r"<!-- use -->.*?<!-- /use -->\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Use:
    """One form: where its commands are run, and what they are, by program."""

    title: str
    where: str
    commands: tuple[tuple[str, Markup], ...]


def use_section(forms: Sequence[Form], base: str, language: Language, repo: str | None = None) -> Markup:
    """The commands of the forms, run in the bundle's folder; or, of a repository, once that is fetched.

    `base` is what the base is called. The first form lies at the top of a repository, the others in folders there.
    """
    words, first = Words(language), forms[0].name
    commands = {form.name: form.commands(BASE) for form in forms}
    needs_base = any(BASE in command.split() for found in commands.values() for command in found.values())
    uses = tuple(
        Use(
            words(f"card.form.{name}"),
            _where(name, first, repo, words),
            tuple((program, Markup(command)) for program, command in found.items()),
        )
        for name, found in commands.items()
    )
    key = "card.use.embedded" if base == EMBEDDED else "card.use.base"
    return Markup(
        render(
            PACKAGE,
            "use.md.j2",
            t=words,
            fetch=None if repo is None else Markup(f"hf download {repo} --local-dir {first}"),
            base=words(key, base=base) if needs_base else None,
            uses=uses,
        )
    )


def with_use(card: str, section: str) -> str:
    """A card with another section on how to use it."""
    return _SECTION.sub(lambda _: section.rstrip("\n") + "\n", card, count=1)


def _where(name: FormName, first: FormName, repo: str | None, words: Words) -> str:
    if repo is None:
        return ""
    if name != first:
        return words("card.use.inside", folder=first)
    return words("card.use.by_name", folder=first, repo=repo) if name in BY_NAME else ""
