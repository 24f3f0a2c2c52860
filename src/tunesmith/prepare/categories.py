"""Which category each training row is of: its label, language, source, a column of its own, or a cluster of prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.errors import TunesmithError
from tunesmith.prepare.index import Rows, lines_of, question_of
from tunesmith.prepare.report import LANGUAGES
from tunesmith.prepare.walk import Walk
from tunesmith.recipe.balance import Balance
from tunesmith.text.analysis import segment
from tunesmith.text.shingles import mixed

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Shapes: T training rows.
_FITTED_ROWS: Final = 20_000
_MAX_TERMS: Final = 20_000
_SHOWN_TERMS: Final = 3


@dataclass(frozen=True, slots=True)
class Categories:
    """The category of each training row."""

    names: tuple[str, ...]
    of_row_T: NDArray[np.int64]
    """Places in `names`; -1 for a row that is of no category."""


def categories_of(found: Walk, rows_T: Rows, section: Balance, seed: int) -> Categories:
    """Raises TunesmithError `balance-nothing` where no training row has what the section names."""
    spool = found.spool
    if section.by == "label":
        labels = sorted(found.labels, key=found.labels.__getitem__)
        made = Categories(tuple(labels), spool["label"][rows_T].astype(np.int64))
    elif section.by == "language":
        made = Categories(LANGUAGES, spool["language"][rows_T].astype(np.int64))
    elif section.by == "source":
        origins = np.array(found.origins)[spool["source"][rows_T]]
        made = Categories(tuple(str(number) for number in range(1, 2 + max(found.origins))), origins)
    elif section.by == "cluster":
        made = _clusters(found, rows_T, section.num_clusters, seed)
    else:
        made = _of_column(found, rows_T, str(section.column))
    if not (made.of_row_T >= 0).any():
        raise TunesmithError("balance-nothing", by=section.column or section.by)
    return made


def _of_column(found: Walk, rows_T: Rows, column: str) -> Categories:
    codes: dict[str, int] = {}
    values = (str(row["metadata"].get(column, "")).strip() for row in found.spool.written(rows_T))
    of_row = [codes.setdefault(value, len(codes)) if value else -1 for value in values]
    return Categories(tuple(codes), np.array(of_row, dtype=np.int64))


def _clusters(found: Walk, rows_T: Rows, num_clusters: int, seed: int) -> Categories:
    """k-means (Lloyd) over TF-IDF of words, fitted on at most 20,000 rows that their ids draw; the nearest for all."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    order = np.argsort(mixed(found.spool["id"][rows_T] + np.uint64(seed)), kind="stable")
    drawn = np.sort(rows_T[order[:_FITTED_ROWS]])
    if len(drawn) < num_clusters:
        raise TunesmithError("balance-clusters", rows=len(drawn), clusters=num_clusters)
    # sums over threads round as the threads happen to finish
    with threadpool_limits(1):
        model = _fitted(list(_questions(found, drawn)), num_clusters, seed)
        of_row = [model.predict(texts) for texts in _questions_by_span(found, rows_T)]
    terms, centres = model[0].get_feature_names_out(), model[1].cluster_centers_
    names = [" ".join(terms[np.argsort(-centre, kind="stable")[:_SHOWN_TERMS]]) for centre in centres]
    return Categories(
        tuple(f"{number}: {name}" for number, name in enumerate(names, 1)), np.concatenate(of_row).astype(np.int64)
    )


def _fitted(texts: list[str], num_clusters: int, seed: int) -> Pipeline:
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    weigh = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, max_df=0.5, max_features=_MAX_TERMS)
    return make_pipeline(weigh, KMeans(num_clusters, n_init=4, random_state=seed % 2**32)).fit(texts)


def _terms(text: str) -> list[str]:
    return segment(text.casefold())


def _questions_by_span(found: Walk, rows_T: Rows) -> Iterator[list[str]]:
    for _, span in found.spool.spans(rows_T):
        yield list(map(question_of, lines_of(span)))


def _questions(found: Walk, rows_T: Rows) -> Iterator[str]:
    for texts in _questions_by_span(found, rows_T):
        yield from texts
