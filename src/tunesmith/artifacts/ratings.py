"""Ratings on disk: JSON lines, the first of which names the format; one file for each rater, only ever added to.

Each line carries the hash of the question and the answers that it is about. So one file holds what a rater said of any
number of scorecards, and an answer that changed is simply not rated yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tunesmith.errors import Place, TunesmithError
from tunesmith.records import PREFERENCE, Choice, Message, Rating, Sample

FOLDER: Final = "ratings"
"""In the workspace; one file for each rater."""
JUDGE: Final = "judge.jsonl"
"""In a scorecard: what a judging model said, beside the answers."""
_RATER: Final = re.compile(r"\w[\w .-]{0,63}")
_SHOWN_DIGITS: Final = 16
Model = TypeVar("Model", bound=BaseModel)


class JudgeHead(BaseModel):
    """Who judged, and by which words."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    url: str
    prompt: str
    """SHA-256 of the instructions and the rubric."""
    same_family: list[str] = []
    """Judged arms whose model is of the judge's own family, by name: judges tend to prefer such."""


class Head(BaseModel):
    """The first line of a file of ratings."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["ratings"] = "ratings"
    format: Literal[1] = 1
    judge: JudgeHead | None = None


class WrittenRating(BaseModel):
    """A rating as a line of the file; what it may say follows from how many answers were shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    item: str = Field(min_length=1)
    arms: list[str] = Field(min_length=1, max_length=2)
    shown: str = Field(pattern=r"^[0-9a-f]{16}$")
    dimension: str = Field(min_length=1)
    value: int | str | None
    rater: str = Field(min_length=1)
    seed: int = 0
    comment: str = ""
    time: str = ""

    @model_validator(mode="after")
    def _says_what_it_may(self) -> WrittenRating:
        check_value(self.dimension, self.value)
        if (len(self.arms) == 2) != (self.dimension == PREFERENCE):
            raise PydanticCustomError("rating_arms", "`preference` is about two answers, all else about one")
        return self

    def rating(self) -> Rating:
        return Rating(**{**self.model_dump(), "arms": tuple(self.arms)})


def check_value(dimension: str, value: int | str | None) -> None:
    """Raises PydanticCustomError unless the dimension takes the value."""
    if value is None:
        return
    if dimension == PREFERENCE:
        if value not in get_args(Choice):
            choices = ", ".join(get_args(Choice))
            raise PydanticCustomError("rating_value", "`value` must be one of {choices}", {"choices": choices})
    elif not isinstance(value, int) or not 1 <= value <= 5:
        raise PydanticCustomError("rating_value", "`value` must be a whole number from 1 to 5")


def shown_hash(prompt: Sequence[Message], answers: Sequence[Sample]) -> str:
    """Of the question and what was answered, thinking included, in the order shown: 16 hex digits of SHA-256."""
    asked = [[message.role, message.content] for message in prompt]
    content = [asked, answers[0].reference, [[sample.reasoning, sample.answer] for sample in answers]]
    written = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hashlib.sha256(written).hexdigest()[:_SHOWN_DIGITS]


def ratings_file(workspace: Path, rater: str) -> Path:
    """Where a rater's ratings are kept. Raises TunesmithError `rater-name`."""
    if not _RATER.fullmatch(rater):
        raise TunesmithError("rater-name", name=rater)
    return workspace / FOLDER / f"{rater}.jsonl"


def append_ratings(file: Path, ratings: Iterable[Rating]) -> None:
    """Add to a file, which is made where it is absent; on the disk when this returns. A torn last line is cut."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(_line(asdict(rating)) for rating in ratings)
    with file.open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        whole, newline, _ = stream.read().rpartition(b"\n")
        stream.truncate(len(whole) + len(newline))
        head = "" if newline else _line(Head().model_dump(exclude_none=True))
        stream.write((head + lines).encode("utf-8", "replace"))
        stream.flush()
        os.fsync(stream.fileno())


def write_judged(file: Path, judge: JudgeHead, ratings: Iterable[Rating]) -> None:
    """What a judging model said, as a file of a scorecard."""
    lines = [_line(Head(judge=judge).model_dump()), *(_line(asdict(rating)) for rating in ratings)]
    file.write_bytes("".join(lines).encode("utf-8", "replace"))


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False) + "\n"


def read_ratings(file: Path) -> list[Rating]:
    """What `read_with_head` reads, without its head; nothing where there is no file yet."""
    return read_with_head(file)[1] if file.is_file() else []


def read_with_head(file: Path) -> tuple[Head, list[Rating]]:
    """All ratings in the order they were given. What a kill tore stands behind the last newline and is left out.

    Raises TunesmithError `ratings-line` with the line that is none.
    """
    lines = file.read_bytes().split(b"\n")[:-1]
    if not lines:
        return Head(), []
    head = _validated(Head, lines[0], Place(str(file), 1))
    ratings = [_validated(WrittenRating, line, Place(str(file), n)).rating() for n, line in enumerate(lines[1:], 2)]
    return head, ratings


def _validated(model: type[Model], line: bytes, place: Place) -> Model:
    try:
        return model.model_validate_json(line)
    except ValidationError as failure:
        problem, field = first_problem(failure)
        where = Place(place.file, place.line, field=field or None)
        raise TunesmithError("ratings-line", place=where, problem=problem) from failure


def first_problem(failure: ValidationError) -> tuple[str, str]:
    """What is wrong first, and in which field."""
    first = failure.errors()[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return first["msg"], field.removeprefix(".")


def newest(ratings: Iterable[Rating]) -> list[Rating]:
    """Without those that their rater gave anew."""
    by_question = {(r.rater, r.dimension, r.item, r.arms, r.shown): r for r in ratings}
    return list(by_question.values())
