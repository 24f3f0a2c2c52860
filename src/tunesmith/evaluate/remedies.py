"""What to do about a weak slice: how many training rows of its kind are lacking, and overrides that get them."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from statistics import median
from typing import Any, Final, Literal

from tunesmith.artifacts.mistakes import Remedy
from tunesmith.artifacts.scorecard import WeakSlice
from tunesmith.evaluate.traits import value_of_row
from tunesmith.metrics.registry import known
from tunesmith.recipe import Prepare, Source
from tunesmith.records import Example

Why = Literal["median", "curve", "share"]
MAX_GROWTH: Final = 10
"""At most so many times the rows that there are: no curve tells what lies further off."""
MAX_COPIES: Final = 5
"""Rows made of one row: what is made of the same row again and again is ever less like new ones."""
MORE: Final = "more"
"""Stem of the file that rows to collect go to, in the form of the first source."""
_UNDIVIDED: Final = ("phrase", "length")
"""Kinds whose values do not divide the training rows among them."""
_FILES: Final = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
_PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_NOT_TEXT: Final = ("null", "true", "false")


def with_remedies(
    slices: Sequence[WeakSlice], train: Sequence[Example], section: Prepare, metric: str
) -> list[WeakSlice]:
    """The slices with the rows that they lack and what to write behind `tunesmith run RECIPE`.

    An override goes with what `section`, that of the rows, says already, and stands for one key: use one at a time.
    """
    found = []
    for slice in slices:
        divided = () if slice.kind in _UNDIVIDED else train
        counts = Counter(value_of_row(slice.kind, row) for row in divided)
        del counts[""]
        share = slice.inside.n / (slice.inside.n + slice.outside.n)
        num, why = rows_wanted(slice, counts, share * len(train), metric)
        remedies = list(_remedies(slice, num, counts, section))
        found.append(slice.model_copy(update={"num_wanted_rows": num, "wanted_by": why, "remedies": remedies}))
    return found


def rows_wanted(slice: WeakSlice, counts: Mapping[str, int], num_proportional: float, metric: str) -> tuple[int, Why]:
    """How many more training rows of its kind a slice needs, and by which argument.

    `median`: fewer rows than half of the other values of its kind have (`counts`); so many are lacking to the median.
    `curve`: were the error to fall with the square root of the rows, as theory has it, the error inside would come
    from m rows down to that outside at m (inside / outside)^2, at most `MAX_GROWTH` m; measured curves are slower
    (Hestness et al. 2017, arXiv:1712.00409) and need more. `share`: no training row is of the kind;
    `num_proportional` would be the share that the kind has of the test items.
    """
    own = slice.num_train_rows
    others = [num for value, num in counts.items() if value != slice.value]
    if others and own < median(others):
        return math.ceil(median(others) - own), "median"
    if own == 0:
        return max(1, round(num_proportional)), "share"
    best = known(metric).best or 0.0
    # an error of 0 among n items is one below half an item
    inside, outside = (max(abs(best - part.value), 0.5 / part.n) for part in (slice.inside, slice.outside))
    growth = min(float(MAX_GROWTH), (inside / outside) ** 2)
    return max(1, math.ceil(own * (growth - 1))), "curve"


def _remedies(slice: WeakSlice, num: int, counts: Mapping[str, int], section: Prepare) -> Iterator[Remedy]:
    methods = _augmenting(slice, num, section)
    if methods:
        yield Remedy(action="augment", override=f"prepare.augment.methods={_flow(methods)}")
    balance = _balancing(slice, counts, section)
    if balance:
        yield Remedy(action="balance", override=f"prepare.balance={_flow(balance)}")
    sources = _collecting(section)
    if sources:
        yield Remedy(action="collect", override=f"prepare.sources={_flow(sources)}")


def _augmenting(slice: WeakSlice, num: int, section: Prepare) -> list[dict[str, Any]]:
    """The methods that there are, and synonyms for rows of the kind; nothing for kinds that no method can be told."""
    key = {"label": "labels", "language": "languages"}.get(slice.kind)
    if key is None or not slice.num_train_rows:
        return []
    copies = min(MAX_COPIES, math.ceil(num / slice.num_train_rows))
    share = min(1.0, math.ceil(100 * num / (copies * slice.num_train_rows)) / 100)
    method: dict[str, Any] = {"name": "synonyms", key: [slice.value]}
    method |= {"copies": copies} if copies > 1 else {}
    method |= {"share": share} if share < 1 else {}
    given = () if section.augment is None else section.augment.methods
    methods = [one.model_dump(mode="json", exclude_defaults=True) | {"name": one.name} for one in given]
    return [*methods, method]


def _balancing(slice: WeakSlice, counts: Mapping[str, int], section: Prepare) -> dict[str, str]:
    """Visits of every value as often as of the most frequent one, where the slice is not that and nothing does it."""
    if slice.num_train_rows == 0 or slice.num_train_rows >= max(counts.values(), default=0):
        return {}
    named = slice.kind in ("label", "language", "source")
    balance = {"by": slice.kind} if named else {"by": "column", "column": slice.kind}
    there = section.balance
    if there is not None and (there.by, there.column) == (balance["by"], balance.get("column")):
        return {}
    return balance | {"method": "over"}


def _collecting(section: Prepare) -> list[Any]:
    """The sources that there are, and a file of more training rows in the form of the first; nothing where sources have
    shares, which one more would shift."""
    if any(source.share is not None for source in section.sources):
        return []
    first = section.sources[0]
    suffix = PurePath(first.path or "").suffix
    path = MORE + (suffix if suffix in _FILES else ".jsonl")
    left_out = {"path", "hub", "config", "hub_split", "split", "share", "licence"}
    form = first.model_dump(mode="json", exclude_defaults=True, exclude=left_out)
    return [*map(_short, section.sources), {"path": path, "split": "train", **form}]


def _short(source: Source) -> Any:
    given = source.model_dump(mode="json", exclude_defaults=True)
    return given["path"] if given.keys() == {"path"} else given


def _flow(value: Any) -> str:
    """A value as YAML on one line, with quotes where they are needed."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)
