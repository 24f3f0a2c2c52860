"""Whether alarms of drift keep their promise: false ones in drift-free months, planted shifts found, beside others.

Months of four weekly windows are drawn from real texts in English, in Chinese and in both (`drift_streams`), a new
reference of 2,000 texts for each, and judged with the default settings by the functions that judge traffic: every
feature that the monitor watches, at once. The reference is the training part alone; the product lets a window also be
like accepted traffic, which can only take alarms away. Then shifts are planted: requests with intents that no training
row has (a quarter of them), and Chinese up by twenty points. Here accepted traffic is there too.

Beside it, on the same windows: an alarm wherever a population stability index of a feature exceeds 0.1, and evidently
with its default drift detection, of any column and of the dataset (half of the columns), in an environment of its own,
on fewer months.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, pairwise
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_peer import Columns, Evidently, columns_of
from benchmarks.drift_streams import Floats, Pool, desk_rows, make_pool, missing_files, real_rows
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from tunesmith.artifacts.health import Shift
from tunesmith.engine.embed import Encoder
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.monitor.compare import Looks, fall_of, shifts_of, with_alarms
from tunesmith.monitor.features import Features, joined
from tunesmith.monitor.reference import NUM_ACCEPTED, ROWS_PER_POINT
from tunesmith.monitor.said import RIGHT
from tunesmith.recipe.monitor import Monitor
from tunesmith.stats.drift import alarm_level
from tunesmith.stats.intervals import wilson

SEED: Final = 7
WEEK_SECONDS: Final = 7 * 86_400.0
YEAR_WINDOWS: Final = 365.25 / 7
WINDOWS_PER_MONTH: Final = 4
SIZES: Final = (50, 200, 1_000, 5_000)
NUM_PROCESSES: Final = 2
FOLKLORE: Final = 0.1
"""Above this a population stability index is said to tell of a shift."""
FOUND_WITHIN: Final = 2
"""Windows."""
ENGLISH: Final = {"banking77": 0.6, "maths": 0.1, "chat_en": 0.1, "desk_en": 0.2}
CHINESE: Final = {"chat_zh": 0.6, "desk_zh": 0.4}
STREAMS: Final = {
    "English": ENGLISH,
    "Chinese": CHINESE,
    "mixed": {source: share / 2 for source, share in chain(ENGLISH.items(), CHINESE.items())},
}
NEW_SHARE: Final = 0.25
CHINESE_SHARES: Final = (0.3, 0.5)
SHIFTS: Final = ("new intents, banking77", "new intents, desk", "Chinese +20 points")
GOALS: Final = {
    "ours/all": Goal(maximum=1.0),
    **{f"ours/{stream}/{size}/at least": Goal(maximum=1.0) for stream in STREAMS for size in SIZES},
    **{f"ours found/{shift}/{size}": Goal(minimum=0.9) for shift in SHIFTS for size in SIZES if size >= 200},
}


@dataclass(frozen=True)
class Scale:
    """How much is drawn."""

    sizes: Sequence[int] = SIZES
    num_months: int = 1_000
    """Of each stream and size of windows."""
    num_shifted: int = 100
    """Runs of each planted shift and size."""
    peer_months: int = 5
    peer_shifted: int = 5
    months_per_part: int = 20


SMOKE: Final = Scale((50, 200), 2, 2, 0, 0, 1)


@dataclass(frozen=True)
class Stream:
    """Chances of the texts in the reference, and in the windows."""

    name: str
    before_T: Floats
    after_T: Floats
    is_shifted: bool = False


@dataclass(frozen=True)
class Judged:
    """One window: the features that alarmed, and whether other rules would."""

    alarms: tuple[str, ...]
    psi: bool
    """Whether an index exceeds 0.1."""
    evidently: tuple[bool, bool] | None = None
    """Whether a column drifted, and whether the dataset did."""

    def by_rule(self) -> dict[str, bool]:
        told = {"ours": bool(self.alarms), "PSI > 0.1": self.psi}
        if self.evidently is None:
            return told
        return told | {"evidently, a column": self.evidently[0], "evidently, dataset": self.evidently[1]}


@dataclass(frozen=True)
class Part:
    """Some months of one stream and size of windows; `has_peer` asks evidently too."""

    stream: Stream
    size: int
    months: range
    has_peer: bool = False

    @property
    def name(self) -> tuple[str, int]:
        return self.stream.name, self.size


@dataclass
class Held:
    """What a process keeps between parts."""

    pool: Pool | None = None
    peer: list[Evidently] = field(default_factory=list)


_HELD: Final = Held()


def run(*, quick: bool) -> Outcome:
    """Draw and judge; `quick` takes few months of the support desk alone, in this process."""
    missing = [] if quick else missing_files()
    if missing:
        return Outcome({}, [[""]], void=tuple(f"{file} is not there" for file in missing))
    start = time.perf_counter()
    rows = desk_rows() if quick else [*desk_rows(), *real_rows()]
    pool = make_pool(rows, Encoder(find_base(BUILTIN).folder).embed, SEED)
    scale = SMOKE if quick else Scale()
    streams = streams_of(pool)
    if quick:
        _hold(pool)
        found = [(part, judge(part)) for part in parts_of(streams, scale)]
        return outcome_of(found, {}, time.perf_counter() - start)
    # made here, once, and not by each process
    peer_python("evidently")
    with ProcessPoolExecutor(NUM_PROCESSES, get_context("spawn"), _hold, (pool,)) as executor:
        parts = list(parts_of(streams, scale))
        found = list(zip(parts, executor.map(judge, parts), strict=True))
        versions = executor.submit(peer_versions).result()
    return outcome_of(found, versions, time.perf_counter() - start)


def streams_of(pool: Pool) -> list[Stream]:
    """Those whose sets are there."""
    there = set(pool.sources)
    streams = []
    for name, weights in STREAMS.items():
        chance_T = pool.chances({source: weight for source, weight in weights.items() if source in there})
        streams.append(Stream(name, chance_T, chance_T))
    for name, weights in (("banking77", {"banking77": 1.0}), ("desk", {"desk_en": 0.5, "desk_zh": 0.5})):
        if there >= weights.keys():
            before_T, new_T = pool.chances(weights, new=False), pool.chances(weights, new=True)
            after_T = (1 - NEW_SHARE) * before_T + NEW_SHARE * new_T
            streams.append(Stream(f"new intents, {name}", before_T, after_T, is_shifted=True))
    before, after = (pool.chances({"desk_en": 1 - share, "desk_zh": share}) for share in CHINESE_SHARES)
    return [*streams, Stream("Chinese +20 points", before, after, is_shifted=True)]


def parts_of(streams: Sequence[Stream], scale: Scale) -> Iterator[Part]:
    """The longest first, so that no process is left with one alone."""
    for size in sorted(scale.sizes, reverse=True):
        for stream in streams:
            num_peer = scale.peer_shifted if stream.is_shifted else scale.peer_months
            num = scale.num_shifted if stream.is_shifted else scale.num_months
            bounds = [*range(num_peer, num, scale.months_per_part), num]
            if num_peer:
                yield Part(stream, size, range(num_peer), has_peer=True)
            for first, end in pairwise(bounds):
                yield Part(stream, size, range(first, end))


def _hold(pool: Pool) -> None:
    """In each process, before its first part: one thread each, since there is a process for each core."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)
    _HELD.pool = pool


def _peer() -> Evidently:
    """This process's own, started when it is first asked."""
    if not _HELD.peer:
        _HELD.peer.append(Evidently())
    return _HELD.peer[0]


def peer_versions() -> Mapping[str, str]:
    return _peer().versions


def judge(part: Part) -> list[list[Judged]]:
    """Every month of a part."""
    assert _HELD.pool is not None
    return [_month(_HELD.pool, part, month) for month in part.months]


def _month(pool: Pool, part: Part, month: int) -> list[Judged]:
    """Its windows; of a shifted stream those until the shift is found, two at most."""
    stream, points = part.stream, Monitor().max_points
    rng = np.random.default_rng([SEED, part.size, month, *stream.name.encode()])

    def drawn(num: int, chance_T: Floats) -> NDArray[np.int64]:
        return rng.choice(len(chance_T), num, p=chance_T)

    places = drawn(ROWS_PER_POINT * points, stream.before_T)
    reference = pool.drawn(places, points)
    parts = [reference]
    if stream.is_shifted:
        accepted = [pool.drawn(drawn(part.size, stream.before_T), points) for _ in range(NUM_ACCEPTED)]
        parts.append(joined(accepted))
    judged: list[Judged] = []
    for number in range(FOUND_WITHIN if stream.is_shifted else WINDOWS_PER_MONTH):
        of_window = drawn(part.size, stream.after_T)
        shifts = look(pool.drawn(of_window, points), parts, seed=number)
        theirs = _asked(columns_of(pool, places), columns_of(pool, of_window)) if part.has_peer else None
        judged.append(
            Judged(
                tuple(shift.feature for shift in shifts if shift.is_alarm),
                any((shift.psi or 0.0) > FOLKLORE for shift in shifts),
                theirs,
            )
        )
        if stream.is_shifted and not part.has_peer and all(judged[-1].by_rule().values()):
            break
    return judged


def look(window: Features, parts: Sequence[Features], seed: int) -> list[Shift]:
    """As the monitor does with its default settings."""
    section = Monitor()
    level = alarm_level(section.false_alarms_per_year, WEEK_SECONDS)
    shifts = shifts_of(window, parts, Looks(level, section.max_points, seed))
    earlier, newest = (side.numbers.get(RIGHT, np.zeros(0)).tolist() for side in (parts[0], window))
    over_time = fall_of(earlier, newest, level / (len(shifts) + 2))
    return with_alarms(shifts if over_time is None else [*shifts, over_time], level)


def _asked(reference: Columns, window: Columns) -> tuple[bool, bool]:
    drifted = _peer().drifted(reference, window)
    return drifted.num_drifted > 0, drifted.num_drifted >= drifted.num_columns / 2


def outcome_of(
    found: Sequence[tuple[Part, Sequence[Sequence[Judged]]]], versions: Mapping[str, str], seconds: float
) -> Outcome:
    """Alarms a year by rule, stream and size; shares of the planted shifts that were found."""
    months: dict[tuple[str, int], list[Sequence[Judged]]] = {}
    for part, of_part in found:
        months.setdefault(part.name, []).extend(of_part)
    shifted = {part.stream.name for part, _ in found if part.stream.is_shifted}
    figures: dict[str, float] = {}
    for (stream, size), of_cell in months.items():
        figures |= _found(stream, size, of_cell) if stream in shifted else _false(f"{stream}/{size}", of_cell)
    free = [month for (stream, _), of_cell in months.items() if stream not in shifted for month in of_cell]
    figures |= _false("all", free)
    figures |= {"num_windows": float(sum(map(len, free))), "seconds": seconds}
    details = {
        "false alarms by feature": _by_feature(free),
        "alarms by feature": {
            f"{stream}/{size}": _by_feature(of_cell) for (stream, size), of_cell in months.items() if stream in shifted
        },
    }
    return Outcome(figures, table_of(figures), {f"evidently environment: {k}": v for k, v in versions.items()}, details)


def _false(name: str, months: Sequence[Sequence[Judged]]) -> dict[str, float]:
    """False alarms of a year by each rule, and the ends of the 95 % interval of the windows that alarm."""
    figures: dict[str, float] = {}
    for rule, told in _by_rule(months).items():
        windows = [alarm for month in told for alarm in month]
        interval = wilson(sum(windows), len(windows))
        figures |= {
            f"{rule}/{name}": YEAR_WINDOWS * sum(windows) / len(windows),
            f"{rule}/{name}/at least": YEAR_WINDOWS * interval.low,
            f"{rule}/{name}/at most": YEAR_WINDOWS * interval.high,
        }
    return figures


def _found(stream: str, size: int, months: Sequence[Sequence[Judged]]) -> dict[str, float]:
    """Shares of the runs in which a window alarms, by each rule."""
    return {f"{rule} found/{stream}/{size}": sum(map(any, told)) / len(told) for rule, told in _by_rule(months).items()}


def _by_rule(months: Sequence[Sequence[Judged]]) -> dict[str, list[list[bool]]]:
    """Of each rule the months that it was asked of, a bool a window."""
    told: dict[str, list[list[bool]]] = {}
    for month in months:
        rules = [judged.by_rule() for judged in month]
        for rule in rules[0]:
            told.setdefault(rule, []).append([each[rule] for each in rules])
    return told


def _by_feature(months: Sequence[Sequence[Judged]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for judged in chain.from_iterable(months):
        for feature in judged.alarms:
            counts[feature] = counts.get(feature, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def table_of(figures: Mapping[str, float]) -> list[list[str]]:
    """A row for each rule and stream, a column for each size of windows."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in figures.items():
        head, _, last = name.rpartition("/")
        if last.isdigit():
            low, high = (figures.get(f"{name}/at {end}", math.nan) for end in ("least", "most"))
            bounds = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
            rows.setdefault(head, {})[last] = f"{value:.2f}{bounds}"
    sizes = sorted({size for of_row in rows.values() for size in of_row}, key=int)
    heading = ["alarms a year without drift, shares of shifts found", *(f"{int(size):,}" for size in sizes)]
    return [heading, *([name, *(of_row.get(size, "") for size in sizes)] for name, of_row in sorted(rows.items()))]
