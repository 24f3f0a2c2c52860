"""Ratings of a scorecard, from raters and back: what joins the evaluation, those who look at it, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tunesmith.artifacts import Scorecard, read_events, write_whole
from tunesmith.artifacts.folder import MANIFEST
from tunesmith.artifacts.rated import Rated
from tunesmith.artifacts.ratings import (
    FOLDER,
    JUDGE,
    append_ratings,
    newest,
    ratings_file,
    read_ratings,
    read_with_head,
)
from tunesmith.artifacts.scorecard import KIND
from tunesmith.errors import Place, TunesmithError
from tunesmith.evaluate.rated import Answered, against_people, of_judge, of_people
from tunesmith.evaluate.rating import RatingPlan, rating_tasks
from tunesmith.metrics.wording import Language
from tunesmith.records import Rating
from tunesmith.report.pack import rating_page, read_pack


@dataclass(frozen=True)
class Imported:
    """What came in with one file."""

    rater: str
    ratings: int
    new: int


def scorecard_at(folder: Path, workspace: Path) -> Scorecard:
    """The scorecard in `folder`, or the newest that the run in it made.

    Raises TunesmithError `rate-scorecard`, and what `Scorecard.open` raises.
    """
    if (folder / MANIFEST).is_file():
        return Scorecard.open(folder)
    made = [event for event in read_events(folder) if event.type == "artifact" and event.data["kind"] == KIND]
    if not made:
        raise TunesmithError("rate-scorecard", place=Place(str(folder)))
    return Scorecard.open(workspace / "artifacts" / KIND / made[-1].data["key"])


def rated_of(scorecard: Scorecard, workspace: Path) -> tuple[Rated, ...]:
    """What people said of these answers, then what a judging model did; empty where neither did.

    Raises TunesmithError `ratings-line`.
    """
    people = [rating for file in sorted((workspace / FOLDER).glob("*.jsonl")) for rating in read_ratings(file)]
    judged = scorecard.folder / JUDGE
    if not people and not judged.is_file():
        return ()
    answered = Answered.of(scorecard)
    by_people = of_people(answered, people)
    found = [] if by_people is None else [by_people]
    if judged.is_file():
        head, ratings = read_with_head(judged)
        if scorecard.body.judge is not None:
            found.append(against_people(answered, scorecard.body.judge, ratings, people))
        elif head.judge is not None:  # a scorecard of an earlier version does not hold it
            found.append(of_judge(answered, head.judge, ratings, people))
    return tuple(found)


def write_page(scorecard: Scorecard, plan: RatingPlan, file: Path, language: Language) -> None:
    """The page on which one rater answers what the plan asks. Raises what `rating_tasks` and `ratings_file` raise."""
    ratings_file(Path(), plan.rater)  # a name that could not come back is refused now
    write_whole(file, rating_page(rating_tasks(scorecard.samples(), plan), plan, language))


def import_files(scorecard: Scorecard, files: Sequence[Path], workspace: Path) -> list[Imported]:
    """Take in what pages gave back; all files are read before anything is kept.

    Raises TunesmithError `pack-file`, `pack-other`, and what `rating_tasks` and `ratings_file` raise.
    """
    packs = [read_pack(file, lambda plan: rating_tasks(scorecard.samples(), plan)) for file in files]
    given = [(ratings_file(workspace, plan.rater), plan.rater, ratings) for ratings, plan in packs]
    found = []
    for file, rater, ratings in given:
        known = {_said(rating) for rating in newest(read_ratings(file))}
        fresh = [rating for rating in ratings if _said(rating) not in known]
        append_ratings(file, fresh)
        found.append(Imported(rater, len(ratings), len(fresh)))
    return found


def _said(rating: Rating) -> tuple[object, ...]:
    return (rating.item, rating.arms, rating.shown, rating.dimension, rating.value, rating.comment)
