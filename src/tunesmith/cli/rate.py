"""`tunesmith rate`: answers rated blind, in the terminal or on a page, and what came of it."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from tunesmith.cli.session import LANGUAGE, OPTIONS, JsonOption, runtime, show, text
from tunesmith.errors import TunesmithError

if TYPE_CHECKING:
    from tunesmith.artifacts import Scorecard
    from tunesmith.artifacts.rated import Rated
    from tunesmith.evaluate.rating import RatingPlan, RatingTask
    from tunesmith.records import Choice, Rating

CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would act on, marks that turn the direction of text among it: an answer is shown, never obeyed."""
CANNOT: Final = "0"
QUIT: Final = "q"
BACK: Final = "b"


def rate(  # noqa: PLR0913 - an argument for each option
    folder: Annotated[Path, typer.Argument(metavar="RUN_OR_SCORECARD", help=text("cli.argument.run-or-scorecard"))],
    rater: Annotated[str | None, typer.Option("--rater", help=text("cli.option.rater"))] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help=text("cli.option.pairs"))] = False,
    arms: Annotated[list[str] | None, typer.Option("--arm", help=text("cli.option.rated-arm"))] = None,
    items: Annotated[int, typer.Option("--items", min=1, help=text("cli.option.items"))] = 50,
    seed: Annotated[int, typer.Option("--seed", min=0, help=text("cli.option.rate-seed"))] = 0,
    html: Annotated[Path | None, typer.Option("--html", help=text("cli.option.html"))] = None,
    imported: Annotated[list[Path] | None, typer.Option("--import", help=text("cli.option.import"))] = None,
    results: Annotated[bool, typer.Option("--results", help=text("cli.option.only-results"))] = False,
    as_json: JsonOption = False,
) -> None:
    from tunesmith.evaluate.rating import RatingPlan, default_arms, refuse_unanswered
    from tunesmith.lifecycle.ratings import import_files, scorecard_at, write_page

    workspace = runtime(devices=False).workspace
    scorecard = scorecard_at(folder, workspace)
    refuse_unanswered(scorecard)
    plan = RatingPlan(tuple(arms or default_arms(scorecard)), pairs, rater or "", items, seed)
    lines: list[str] = []
    if html is not None:
        if rater is None:
            raise TunesmithError("rate-who")
        write_page(scorecard, plan, html, LANGUAGE)
        show({"page": str(html), "rater": rater}, [text("rate.pack-at", rater=rater, path=html)])
        return
    if imported:
        came = import_files(scorecard, imported, workspace)
        lines = [text("rate.imported", rater=one.rater, count=one.ratings, new=one.new) for one in came]
    elif not results:
        lines = [rate_in_terminal(scorecard, plan, workspace)]
    _show_results(scorecard, workspace, lines)


def _show_results(scorecard: Scorecard, workspace: Path, lines: list[str]) -> None:
    from tunesmith.lifecycle.ratings import rated_of

    rated = rated_of(scorecard, workspace)
    told = [line for one in rated for line in rated_lines(one)] or [text("rate.none")]
    show({"ratings": [one.model_dump(mode="json") for one in rated]}, [*lines, *told])


def lines_of_ratings(scorecard: Scorecard) -> list[str]:
    """What people and a judging model said of a scorecard, under its table; nothing where nobody did."""
    from tunesmith.lifecycle.ratings import rated_of

    return [line for one in rated_of(scorecard, OPTIONS.workspace) for line in rated_lines(one)]


def rated_lines(rated: Rated) -> list[str]:
    from tunesmith.cli.show import table
    from tunesmith.metrics.wording import Words
    from tunesmith.report.cells import Cell
    from tunesmith.report.ratings import rated_view

    def said(cell: Cell | None) -> str:
        return "-" if cell is None else f"{cell.value} ({cell.interval})" if cell.interval else cell.value

    view = rated_view(rated, Words(LANGUAGE))
    lines = ["", view.title, view.lead]
    if view.grades:
        rows = [[row.arm, *map(said, row.cells)] for row in view.grades]
        lines += ["", *table([["", *view.dimensions], *rows])]
    if view.differences:
        head = ["", "", text("rated.difference"), text("rated.p_adjusted")]
        rows = [[d.dimension, d.pair, f"{d.value} ({d.interval})", d.p_value] for d in view.differences]
        lines += ["", *table([head, *rows])]
    if view.preferences:
        names = ("won", "lost", "ties", "both_bad", "difference", "p_adjusted")
        rows = [[p.pair, *p.counts, f"{p.value} ({p.interval})", p.p_value] for p in view.preferences]
        lines += ["", *table([["", *(text(f"rated.{name}") for name in names)], *rows])]
    return [*lines, "", *(f"- {note}" for note in view.notes)]


def rate_in_terminal(scorecard: Scorecard, plan: RatingPlan, workspace: Path) -> str:
    """Ask until all is rated or the rater leaves; each answer is on the disk before the next question."""
    from dataclasses import replace

    from tunesmith.artifacts.ratings import append_ratings, ratings_file, read_ratings
    from tunesmith.evaluate.rating import rating_tasks

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TunesmithError("rate-terminal")
    plan = replace(plan, rater=plan.rater or typer.prompt(text("rate.who")))
    file = ratings_file(workspace, plan.rater)
    tasks = rating_tasks(scorecard.samples(), plan)
    desk = Desk(
        tasks=tasks,
        plan=plan,
        known=read_ratings(file),
        keep=lambda rating: append_ratings(file, [rating]),
        key=typer.getchar,
        line=lambda: input(text("rate.comment")),
        say=lambda line: typer.echo(line, err=OPTIONS.json),
        clock=runtime(devices=False).clock,
    )
    return desk.work()


@dataclass
class Desk:
    """One rater at work: where in the questions they are, and what they may press."""

    tasks: Sequence[RatingTask]
    plan: RatingPlan
    known: Sequence[Rating]
    keep: Callable[[Rating], None]
    key: Callable[[], str]
    line: Callable[[], str]
    say: Callable[[str], None]
    clock: Callable[[], datetime]
    comment: str = ""
    """Goes with the next answer."""

    def work(self) -> str:
        """Returns how far the rater came, in words."""
        questions = [(number, dimension) for number, task in enumerate(self.tasks) for dimension in task.dimensions]
        done = {(r.item, r.arms, r.shown, r.dimension) for r in self.known}
        names = [self._name(number, dimension) for number, dimension in questions]
        place = self._open(names, done, 0)
        shown = -1
        while place < len(questions):
            number, dimension = questions[place]
            task = self.tasks[number]
            if number != shown:
                shown = number
                self._show(task, number)
            answer = self._asked(task, dimension)
            if answer is None:
                return text("rate.kept", done=sum(name in done for name in names), total=len(names))
            if answer == BACK:
                place = max(0, place - 1)
                continue
            self._keep(task, dimension, answer)
            done.add(names[place])
            place = self._open(names, done, place + 1)
        return text("rate.done", total=len(names))

    def _name(self, number: int, dimension: str) -> tuple[str, tuple[str, ...], str, str]:
        task = self.tasks[number]
        return task.item, task.arms, task.shown, dimension

    @staticmethod
    def _open(names: Sequence[Any], done: set[Any], start: int) -> int:
        """The next question without an answer."""
        return next((place for place in range(start, len(names)) if names[place] not in done), len(names))

    def _show(self, task: RatingTask, number: int) -> None:
        self.say("\n" + "─" * 60)
        self.say(text("rate.place", place=number + 1, total=len(self.tasks)))
        for message in task.prompt[:-1]:
            self._block(text(f"report.role.{message.role}"), message.content)
        self._block(text("rate.question"), task.prompt[-1].content)
        titles = ("rate.left", "rate.right") if len(task.samples) > 1 else ("rate.answer",)
        for title, sample in zip(titles, task.samples, strict=True):
            self._block(text(title), sample.answer or text("rate.empty"))
            if sample.reasoning:
                self.say(text("rate.folded", count=len(sample.reasoning)))
        self.say("\n" + text("rate.keys.pairs" if len(task.samples) > 1 else "rate.keys.grades"))
        if task.may_correct:
            self.say(text("rate.keys.correct"))

    def _block(self, title: str, content: str) -> None:
        self.say(f"\n▸ {title}\n{plain(content)}")

    def _asked(self, task: RatingTask, dimension: str) -> str | None:
        """The digit that was pressed, `b` to go back, None to leave; other keys are served meanwhile."""
        choices = choices_of(dimension)
        name = text(f"rating.{dimension}")
        self.say(f"\n{name}: {text(f'rating.{dimension}.about')}")
        for number, choice in enumerate(choices, 1):
            self.say(f"  {number}  {text(f'rating.{dimension}.{choice}')}")
        while True:
            key = typed(self.key())
            if key == QUIT:
                return None
            if key in (BACK, CANNOT) or (key.isdecimal() and 1 <= int(key) <= len(choices)):
                self.say(f"  → {key}")
                return key
            if key == "c":
                self.comment = self.line()
            elif key == "a" and task.may_correct:
                self._correct(task)
            elif key == "t":
                for title, sample in zip(("rate.left", "rate.right"), task.samples, strict=False):
                    name = text("rate.thinking" if len(task.samples) == 1 else title)
                    self._block(name, sample.reasoning or text("rate.empty"))
            elif key == "r":
                self._block(text("rate.reference"), task.reference or text("rate.empty"))

    def _keep(self, task: RatingTask, dimension: str, key: str) -> None:
        value = None if key == CANNOT else choices_of(dimension)[int(key) - 1]
        self.keep(self._rating(task, dimension, value, self.comment))
        self.comment = ""

    def _correct(self, task: RatingTask) -> None:
        from tunesmith.records import CORRECTION

        self.say(text("rate.right-answer"))
        right = self.line()
        if right.strip():
            self.keep(self._rating(task, CORRECTION, None, right))

    def _rating(self, task: RatingTask, dimension: str, value: int | Choice | None, comment: str) -> Rating:
        from tunesmith.records import Rating

        return Rating(
            item=task.item,
            arms=task.arms,
            shown=task.shown,
            dimension=dimension,
            value=value,
            rater=self.plan.rater,
            seed=self.plan.seed,
            comment=comment,
            time=self.clock().isoformat(),
        )


def choices_of(dimension: str) -> Sequence[int | Choice]:
    """What the digits from 1 on stand for."""
    from tunesmith.records import PREFERENCE, Choice

    return get_args(Choice) if dimension == PREFERENCE else (1, 2, 3, 4, 5)


def typed(content: str) -> str:
    """What a command is compared by: an input method for Chinese may write it in full width, and locks in capitals."""
    return unicodedata.normalize("NFKC", content).lower()


def plain(content: str) -> str:
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", content)
