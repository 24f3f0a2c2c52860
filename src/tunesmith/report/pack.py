"""A page on which one person rates answers without a network, and the file that it gives back."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tunesmith.artifacts.ratings import check_value, first_problem
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.evaluate.rating import RatingPlan, RatingTask
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Language, Words
from tunesmith.records import CORRECTION, Choice, Rating
from tunesmith.report.render import render_page, source
from tunesmith.text.markdown import encoded

KIND: Final = "ratings-pack"
FORMAT: Final = 1
_WORDS: Final = ("pack.", "rating.", "rate.")
"""Beginnings of the entries that the page may need, in both languages."""


class PackRating(BaseModel):
    """One answer of the page's reader."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    task: int = Field(ge=0)
    """Place among what the plan asks, from 0."""
    shown: str
    dimension: str
    value: int | str | None
    comment: str = ""
    time: str = ""

    @model_validator(mode="after")
    def _says_what_it_may(self) -> PackRating:
        check_value(self.dimension, self.value)
        return self


class Pack(BaseModel):
    """What the page gives back: whose plan it was, and the answers. No arm is named beside an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    kind: Literal["ratings-pack"]
    format: Literal[1]
    rater: str
    seed: int
    arms: list[str] = Field(min_length=1)
    num_items: int = Field(gt=0)
    is_pairs: bool
    ratings: list[PackRating]

    def plan(self) -> RatingPlan:
        return RatingPlan(tuple(self.arms), self.is_pairs, self.rater, self.num_items, self.seed)


def rating_page(tasks: Sequence[RatingTask], plan: RatingPlan, language: Language) -> bytes:
    """One HTML file with everything in it; its only script is the one that its own policy names by hash."""
    returned = {
        "kind": KIND,
        "format": FORMAT,
        "rater": plan.rater,
        "seed": plan.seed,
        "arms": list(plan.arms),
        "num_items": plan.num_items,
        "is_pairs": plan.is_pairs,
    }
    content: dict[str, Any] = {
        "returned": returned,
        "dimensions": list(tasks[0].dimensions),
        "choices": list(get_args(Choice)) if plan.is_pairs else [1, 2, 3, 4, 5],
        "corrects": tasks[0].may_correct,
        "language": language,
        "words": {"en": _words("en"), "zh": _words("zh")},
        "tasks": [_task(task) for task in tasks],
    }
    content["id"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    script = source("pack.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = render_page(
        "pack.html.j2",
        Words(language),
        ("report.css", "pack.css"),
        # a `<` could end the element that holds the data
        data=Markup(json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")),
        script=Markup(script),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'",
    )
    return encoded(page)


def _words(language: Language) -> dict[str, str]:
    place = ("en", "zh").index(language)
    return {key: entry[place] for key, entry in CATALOGUE.items() if key.startswith(_WORDS)}


def _task(task: RatingTask) -> dict[str, Any]:
    """What may be seen of a task: not the arms, not the item."""
    return {
        "shown": task.shown,
        "turns": [[message.role, message.content] for message in task.prompt],
        "reference": task.reference,
        "answers": [{"thinking": sample.reasoning or "", "text": sample.answer} for sample in task.samples],
    }


def read_pack(file: Path, tasks_of: Callable[[RatingPlan], list[RatingTask]]) -> tuple[list[Rating], RatingPlan]:
    """The ratings that a page gave back, with the arms that its reader did not see, and the plan of the page.

    `tasks_of` draws up anew what the plan asked, or raises TunesmithError. Raises `pack-file` with the field that is
    wrong, `pack-other` where other answers were shown.
    """
    pack = _read(file)
    plan = pack.plan()
    try:
        tasks = tasks_of(plan)
    except TunesmithError as failure:
        raise TunesmithError("pack-other", place=Place(str(file))) from failure
    ratings = []
    for number, given in enumerate(pack.ratings):
        task = tasks[given.task] if given.task < len(tasks) else None
        if task is None or task.shown != given.shown:
            raise TunesmithError("pack-other", place=Place(str(file), field=f"ratings[{number}]"))
        if given.dimension not in (*task.dimensions, *[CORRECTION] * task.may_correct):
            place = Place(str(file), field=f"ratings[{number}].dimension")
            raise TunesmithError("pack-file", place=place, problem=given.dimension)
        ratings.append(
            Rating(
                item=task.item,
                arms=task.arms,
                shown=task.shown,
                dimension=given.dimension,
                value=given.value,  # type: ignore[arg-type]  # checked when it was read
                rater=pack.rater,
                seed=pack.seed,
                comment=given.comment,
                time=given.time,
            )
        )
    return ratings, plan


def _read(file: Path) -> Pack:
    if not file.is_file():
        raise TunesmithError("pack-file", place=Place(str(file)), problem=Phrase("suite-file.absent"))
    try:
        return Pack.model_validate_json(file.read_bytes())
    except ValidationError as failure:
        problem, field = first_problem(failure)
        raise TunesmithError("pack-file", place=Place(str(file), field=field or None), problem=problem) from failure
