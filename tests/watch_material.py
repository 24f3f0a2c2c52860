"""A served model whose traffic is written down, to be watched for months in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alert_material import MONDAY, WEEK, body, shift
from store_material import bundle, exchange

from tunesmith.artifacts.folder import Identity, publish
from tunesmith.artifacts.health import BODY, KIND, HealthReport, Shift
from tunesmith.i18n import translate
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.watching import Stages, Tick, Trigger, watching
from tunesmith.recipe.file import read_recipe
from tunesmith.runtime import Runtime
from tunesmith.store import Store, add_version, open_store, set_alias
from tunesmith.store.cycles import Round, advance_round, begin_round, rounds

HOUR = timedelta(hours=1)


@dataclass
class Said:
    """A progress that keeps what is said."""

    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, steps: int = 1, **figures: float) -> None: ...

    def end(self) -> None: ...

    def say(self, key: str, level: str = "info", **parameters: object) -> None:
        self.keys.append(key)
        self.lines.append(translate(key, "en", **parameters))


@dataclass
class World:
    """A served model whose traffic is written down; its clock is moved by hand."""

    folder: Path
    now: datetime = MONDAY
    alarms: set[int] = field(default_factory=set)
    """Weeks with an alarm."""
    words: dict[int, str] = field(default_factory=dict)
    """What was said of a week, where anything was."""
    num_removed: dict[int, int] = field(default_factory=dict)
    """Exchanges of a week that the store holds no more."""
    num_unseen: int = 0
    failures: list[Exception] = field(default_factory=list)
    """With which the next rounds end."""
    num_reports: int = 0
    num_counts: int = 0
    said: Said = field(default_factory=Said)

    @property
    def runtime(self) -> Runtime:
        return Runtime(workspace=self.folder, cache=self.folder / "cache", clock=lambda: self.now)

    def job(self, more: str = "") -> Job:
        recipe = read_recipe(f"name: bot\nprepare: {{sources: rows.jsonl}}\n{more}", "recipe.yaml")
        return Job(recipe, self.runtime, self.said)

    def open_store(self) -> Store:
        url = f"sqlite:///{self.folder}/store.db"
        return open_store(url, clock=lambda: self.now, key_file=self.folder / "store.key")

    def begin(self, store: Store, weeks: int) -> None:
        """A champion, promoted a week before its traffic begins; the clock stands at an hour of traffic."""
        self.now = MONDAY - WEEK
        add_version(store, bundle(self.folder / "bundle"), who="ann")
        set_alias(store, "champion", "support-bot@1", who="ann")
        self.traffic(store, weeks)
        self.now = MONDAY + HOUR

    def traffic(self, store: Store, weeks: int) -> None:
        """One exchange an hour past midnight of each Monday, enough for a window to be there."""
        for week in range(weeks):
            store.record(exchange(week, at=MONDAY + week * WEEK + HOUR))
        store.flush()

    # the stages

    def reports(self, job: Job, store: Store) -> list[HealthReport]:
        self.num_reports += 1
        num_weeks = max(0, (self.now - MONDAY) // WEEK)
        return [self.report(week, shift(is_alarm=week in self.alarms)) for week in range(num_weeks)]

    def report(self, week: int, *shifts: Shift) -> HealthReport:
        told = body(week, *shifts)
        traffic = f"{told.until.isoformat()} {self.num_removed.get(week, 0)}"
        inputs = {"traffic": traffic, "said": self.words.get(week, "")}
        identity = Identity(KIND, 1, inputs, {}, 0, {})
        out = self.folder / "artifacts" / KIND / identity.key()
        if not out.is_dir():
            with publish(out, identity) as staging:
                (staging / BODY).write_text(told.model_dump_json(), encoding="utf-8")
        return HealthReport.open(out)

    def count(self, job: Job, store: Store) -> int:
        self.num_counts += 1
        return self.num_unseen

    def improve(self, job: Job, store: Store, trigger: Trigger) -> Round:
        """A round of its own for each hour; it may fail half-way."""
        champion = "support-bot@1"
        id = f"round-{self.now:%Y%m%d%H}"
        open_ones = [each for each in rounds(store, "bot") if not each.has_ended]
        made = Round(id, "bot", "began", trigger, champion, None, None, (), self.now, self.now)
        begun = open_ones[0] if open_ones else begin_round(store, made)
        if self.failures:
            raise self.failures.pop(0)
        self.num_unseen = 0
        return advance_round(store, begun.id, "refused", passage="reject")

    def stages(self) -> Stages:
        return Stages(self.reports, self.count, self.improve)

    def tick(self, store: Store, more: str = "") -> Tick:
        with watching(self.job(more), store, self.stages()) as held:
            return held.tick()
