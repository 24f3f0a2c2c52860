"""The models that wrote parts of a dataset: reasoning, made rows; and what became of what they wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tunesmith.artifacts.dataset import Synthesis
from tunesmith.metrics.wording import Words, count
from tunesmith.recipe import Prepare
from tunesmith.recipe.augment import BackTranslation, Paraphrase, Synthetic
from tunesmith.recipe.endpoint import Endpoint
from tunesmith.report.facts import ABSENT, Pair


@dataclass(frozen=True)
class TeacherRow:
    """Who wrote what, from where, under which licence."""

    part: str
    model: str
    origin: str
    licence: str


def teacher_rows(section: Prepare, words: Words) -> tuple[TeacherRow, ...]:
    """One row for each part that a model wrote, in the order of the work."""
    return tuple(_rows(section, words))


def _rows(section: Prepare, words: Words) -> Iterator[TeacherRow]:
    if section.teacher is not None:
        yield _row(words("data.teachers.reasoning"), section.teacher, words)
    for making in section.augment.methods if section.augment is not None else ():
        part = words(f"data.made.{making.name}")
        if isinstance(making, BackTranslation) and making.endpoint is None:
            for folder in (making.there, making.back):
                yield TeacherRow(part, str(folder), ABSENT, words("data.teachers.licence.unknown"))
        elif isinstance(making, (BackTranslation, Paraphrase, Synthetic)):
            assert making.endpoint is not None
            yield _row(part, making.endpoint, words)


def _row(part: str, endpoint: Endpoint, words: Words) -> TeacherRow:
    return TeacherRow(part, endpoint.model, endpoint.url, endpoint.licence or words("data.teachers.licence.unknown"))


def traced_facts(synthesis: Synthesis, words: Words) -> tuple[Pair, ...]:
    """What became of the teacher's answers."""
    facts = [
        (words("data.traced.rows"), count(synthesis.rows)),
        (words("data.traced.unchecked"), count(synthesis.unchecked)),
        (words("data.traced.answers", model=synthesis.model), count(synthesis.answers)),
        (words("data.traced.kept"), count(synthesis.kept)),
    ]
    return (*facts, *((words(f"reject.{code}"), count(number)) for code, number in synthesis.rejected.items()))
