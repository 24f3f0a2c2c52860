"""The stage: what was said of served answers, beside the rows of the base, to a FeedbackSet."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import Dataset, Identity, publish
from tunesmith.artifacts.feedback_set import BODY, KIND, PREFERENCES, RATINGS, ROWS, FeedbackBody, FeedbackSet
from tunesmith.artifacts.folder import library_versions
from tunesmith.feedback.curate import Base, Curated, counted, curate, plain_said
from tunesmith.feedback.evidence import answers_in, evidence_of_said
from tunesmith.feedback.lessons import Lesson
from tunesmith.feedback.poison import Evidence, suspects
from tunesmith.feedback.said import Said
from tunesmith.recipe.feedback import Curate

VERSION: Final = 1
NUM_BASE_ROWS: Final = 5_000
"""Rows of the base, drawn by lot, that patterns of the feedback are held against."""


def identity(said: Said, dataset: Dataset, section: Curate, seed: int) -> Identity:
    """All that decides what a FeedbackSet contains: what was said, the rows of the base, the section, the seed."""
    return Identity(
        kind=KIND,
        stage_version=VERSION,
        inputs={"dataset": dataset.key, "said": _hash_of(said)},
        section=section.model_dump(mode="json", exclude={"review"}),
        seed=seed,
        libraries=library_versions("scikit-learn", "scipy"),
    )


def _hash_of(said: Said) -> str:
    content = {
        "exchanges": [asdict(said.exchanges[id]) for id in sorted(said.exchanges)],
        "pieces": sorted((asdict(piece) for piece in said.pieces), key=lambda piece: str(piece["feedback"]["id"])),
    }
    written = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def make_feedback_set(said: Said, dataset: Dataset, section: Curate, *, seed: int, out: Path) -> FeedbackSet:
    """Curate and write; all that is learned in `out` or nothing. Raises what `Dataset` raises where it is damaged."""
    base = Base(dataset)
    plain = plain_said(said, base.section)
    curated = curate(plain, base, section, seed)
    found = suspects(evidence_of_said(plain, section.min_rating), _evidence_of_base(base))
    body = FeedbackBody(
        num_rows=len(curated.rows),
        num_preferences=len(curated.preferences),
        num_ratings=len(curated.ratings),
        num_feedback=len(said.pieces),
        left_out=counted(curated.left_out),
        new_labels=_new_labels(curated, base),
        suspects=found,
    )
    with publish(out, identity(said, dataset, section, seed)) as staging:
        _write(staging / ROWS, curated.rows)
        _write(staging / PREFERENCES, curated.preferences)
        _write(staging / RATINGS, curated.ratings)
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return FeedbackSet.open(out)


def _evidence_of_base(base: Base) -> list[Evidence]:
    rows = base.dataset.sample("train", NUM_BASE_ROWS)
    return [Evidence(base.question_of(row), answers_in(row.answer)) for row in rows]


def _new_labels(curated: Curated, base: Base) -> dict[str, int]:
    known = base.labels or frozenset()
    labels = (lesson.label for lesson in curated.rows if lesson.label is not None)
    return dict(Counter(label for label in labels if label not in known).most_common())


def _write(file: Path, lessons: Sequence[Lesson]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(_line(lesson.row()) for lesson in lessons)


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
