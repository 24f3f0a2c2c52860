"""The whole loop on the quickstart model: `make demo-loop`.

Three weeks of traffic are played against the real server, with a clock that is moved on by hand: nothing sleeps. In the
third week customers ask three new things, and more of them in Chinese. The watch finds it, somebody is told, a
candidate is trained from what was corrected, judged and promoted, and what is asked then is answered better; one
command takes it back. Ends with code 1 where any of that did not happen.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

from examples.demo_loop.service import Answered, Clock, Service, days, serving
from examples.demo_loop.traffic import DRIFTED, USUAL, Customers, Mix
from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.artifacts.bundle import Bundle
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import export
from tunesmith.lifecycle.improve import improve, num_unseen
from tunesmith.lifecycle.monitor import reports
from tunesmith.lifecycle.watching import Stages, Tick, watching
from tunesmith.store import Store, add_version, open_version, resolve, roll_back, set_alias, workspace_store

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RECIPE = Path(__file__).with_name("recipe.yaml")
WHO = "demo"
CHAMPION = "champion"


@dataclass(frozen=True)
class Scale:
    """How much is played."""

    num_usual: int = 150
    num_drifted: int = 300
    num_fresh: int = 100
    feedback_share: float = 0.8
    seed: int = 7


@dataclass(frozen=True)
class Week:
    """One week of traffic and what the watch made of it."""

    name: str
    num_asked: int
    num_corrected: int
    right_share: float
    alarms: tuple[str, ...]
    alerts: int


@dataclass(frozen=True)
class Figures:
    """What the demo shows."""

    weeks: tuple[Week, ...]
    posts: int
    """Alerts that the receiver of the demo got."""
    trigger: str | None
    round: str | None
    """How the round of improvement ended."""
    champion: str
    before: float
    """Share of right answers in the third week, by the model of before."""
    after: float
    """Of the week after, by the champion of then."""
    after_old: float
    """The same questions, by the model of before."""
    back: str
    """The champion after the rollback."""
    seconds: float

    @property
    def failures(self) -> list[str]:
        """What did not happen."""
        *usual, drifted = self.weeks
        wanted = {
            "an alarm in a week without drift": not any(week.alarms for week in usual),
            "no alarm in the week with drift": bool(drifted.alarms),
            "no alert was delivered": self.posts > 0,
            "no candidate was promoted": self.round == "promoted" and self.champion != self.back,
            "what is asked now is answered no better": self.after > self.after_old,
        }
        return [name for name, holds in wanted.items() if not holds]


class Receiver(BaseHTTPRequestHandler):
    """Takes alerts as an operator's own program would."""

    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def receiving() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address on this machine, and what was posted to it."""
    got: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Receiving", (Receiver,), {"got": got}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alerts", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Shop:
    """What every week is played with."""

    job: Job
    store: Store
    clock: Clock
    customers: Customers
    scale: Scale

    def week(self, name: str, num: int, mix: Mix, service: Service, tick: Any) -> tuple[Week, Tick]:
        """Seven days of questions and feedback; then the watch looks once."""
        until = self.clock.now + days(7)
        asks = self.customers.week(num, mix)
        answered = service.answers(asks, self.clock, until - days(0.001))
        rng = random.Random(f"{self.scale.seed} {name}")
        told = [each for each in answered if rng.random() < self.scale.feedback_share]
        service.say(told)
        self.store.flush()
        self.clock.now = until
        looked: Tick = tick()
        alarms = tuple(shift.feature for report in looked.reports for shift in report.body.alarms)
        wrong = sum(not each.is_right for each in told)
        return Week(name, num, wrong, right_share(answered), alarms, len(looked.alerts)), looked


def right_share(answered: Sequence[Answered]) -> float:
    return sum(each.is_right for each in answered) / len(answered)


def play(workspace: Path, scale: Scale, *overrides: str) -> Figures:
    """Everything, in one workspace. The quickstart model is trained and shipped there, or found."""
    began, clock = monotonic(), Clock(MONDAY)
    with receiving() as (address, got):
        bundle = shipped(open_job(RECIPE, *overrides, workspace=workspace))
        told = (f"monitor.alerts.webhook.url={address}", "monitor.alerts.webhook.private=true")
        job = open_job(RECIPE, *overrides, *told, workspace=workspace)
        job = replace(job, runtime=replace(job.runtime, clock=clock))
        with workspace_store(job.runtime) as store:
            add_version(store, bundle.folder, who=WHO)
            set_alias(store, CHAMPION, bundle.body.name, who=WHO)
            shop = Shop(job, store, clock, Customers(scale.seed), scale)
            return _loop(shop, got, began)


def shipped(job: Job) -> Bundle:
    """The quickstart model: trained, judged and shipped, or found as `make demo` left it."""
    say("the quickstart model: trained, judged and shipped, or found")
    lifecycle.run(job)
    return export(job, anyway=True)


def _loop(shop: Shop, got: Sequence[object], began: float) -> Figures:
    job, store, scale = shop.job, shop.store, shop.scale
    first = open_version(resolve(store, CHAMPION))
    stages = Stages(reports, num_unseen, lambda this, held, why: improve(this, held, trigger=why, who=WHO))
    with watching(job, store, stages) as watch:
        with serving(job, store, first) as service:
            plan = (
                ("week 1", scale.num_usual, USUAL),
                ("week 2", scale.num_usual, USUAL),
                ("week 3", scale.num_drifted, DRIFTED),
            )
            weeks = []
            for name, num, mix in plan:
                week, looked = shop.week(name, num, mix, service, watch.tick)
                weeks.append(week)
                say_week(week)
            asks = shop.customers.week(scale.num_fresh, DRIFTED)
            old = service.answers(asks, shop.clock, shop.clock.now + days(1))
        champion = resolve(store, CHAMPION)
        with serving(job, store, open_version(champion)) as service:
            new = service.answers(asks, shop.clock, shop.clock.now + days(1))
    back = roll_back(store, CHAMPION, who=WHO) if str(champion) != f"{first.body.name}@1" else champion
    return Figures(
        weeks=tuple(weeks),
        posts=len(got),
        trigger=None if looked.trigger is None else looked.trigger["by"],
        round=None if looked.round is None else looked.round.state,
        champion=str(champion),
        before=weeks[-1].right_share,
        after=right_share(new),
        after_old=right_share(old),
        back=str(back),
        seconds=monotonic() - began,
    )


def say(line: str) -> None:
    print(line, flush=True)


def say_week(week: Week) -> None:
    alarms = ", ".join(week.alarms) or "none"
    say(
        f"{week.name}: {week.num_asked} questions, {week.right_share:.0%} answered right, {week.num_corrected} "
        f"corrected; alarms: {alarms}; alerts: {week.alerts}"
    )


def say_figures(figures: Figures) -> None:
    say(f"alerts that reached the receiver: {figures.posts}")
    say(f"a round of improvement, called for by {figures.trigger}, ended: {figures.round}")
    say(
        f"the week after, answered right: {figures.after_old:.0%} by the old model, {figures.after:.0%} by the champion"
    )
    say(f"champion: {figures.champion}; after one rollback: {figures.back}")
    say(f"{figures.seconds:.0f} seconds")
    for failure in figures.failures:
        say(f"FAILED: {failure}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path(), help="folder of runs and artifacts")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON value at the end")
    arguments = parser.parse_args()
    figures = play(arguments.workspace, Scale())
    say_figures(figures)
    if arguments.json:
        say(json.dumps({**asdict(figures), "failures": figures.failures}))
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main())
