"""A scorecard of two arms whose answers a test knows, and ratings of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tunesmith.artifacts import Identity, Scorecard, publish
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, Difference, ScorecardBody, Task, Verdict, write_samples
from tunesmith.evaluate.rating import RatingPlan, RatingTask, rating_tasks
from tunesmith.records import Choice, Message, Rating, Sample, Sampling

Said = Callable[[str, int], str]
"""What an arm answers to the item of this number."""


def plain_answer(arm: str, number: int) -> str:
    return f"{arm} says {number}"


def rated_sample(arm: str, number: int, answer: str, group: str | None = None) -> Sample:
    return Sample(
        arm=arm, suite="test", item=f"i{number:03d}", index=0, prompt=(Message("user", f"Question {number}?"),),
        reference=f"reference {number}", raw=answer, reasoning=f"thought {number}", answer=answer, scores={},
        sampling=Sampling(), num_tokens=1, finish_reason="stop", group=group,
    )  # fmt: skip


def rated_scorecard(
    folder: Path,
    num_items: int = 6,
    said: Said = plain_answer,
    *,
    arms: Sequence[str] = ("base", "tuned"),
    more: Sequence[Sample] = (),
    task: Task = "text",
) -> Scorecard:
    samples = [rated_sample(arm, number, said(arm, number)) for arm in arms for number in range(num_items)]
    difference = Difference(
        suite="test", metric="rouge_l", arm=arms[-1], against=arms[0], mean=0, low=0, high=0, p_value=1, n=num_items
    )
    verdict = Verdict(word="equivalent", arm=arms[-1], metric="rouge_l", difference=difference, reasons=[])
    body = ScorecardBody(
        task=task, metric="rouge_l", num_items={"test": num_items}, arms=[], differences=[], forgetting=[],
        verdicts=[verdict], max_loss=0.05,
    )  # fmt: skip
    with publish(folder, Identity(KIND, 1, {}, {}, 0, {})) as staging:
        write_samples(staging / SAMPLES, [*samples, *more])
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
    return Scorecard.open(folder)


def tasks_for(scorecard: Scorecard, rater: str, *, is_pairs: bool = False, num_items: int = 999) -> list[RatingTask]:
    return rating_tasks(scorecard.samples(), RatingPlan(("base", "tuned"), is_pairs, rater, num_items))


def grades(
    scorecard: Scorecard, rater: str, grade: Mapping[tuple[str, str], int] | Callable[[RatingTask], int]
) -> list[Rating]:
    """Of accuracy, by arm and item."""
    found = []
    for task in tasks_for(scorecard, rater):
        value = grade(task) if callable(grade) else grade.get((task.arms[0], task.item))
        if value is not None:
            found.append(Rating(task.item, task.arms, task.shown, "accuracy", value, rater))
    return found


def choices(scorecard: Scorecard, rater: str, choose: Callable[[RatingTask], Choice | None]) -> list[Rating]:
    tasks = tasks_for(scorecard, rater, is_pairs=True)
    return [Rating(task.item, task.arms, task.shown, "preference", choose(task), rater) for task in tasks]
