"""Requests that are unlike anything in training, put together with those that they are like.

Shapes: M requests, N training rows, H held-out rows, U unfamiliar requests, D width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.health import Unfamiliar
from tunesmith.monitor.features import Floats, Vectors

QUANTILE: Final = 0.99
"""Of held-out rows so many lie within the limit."""
MAX_CLUSTERS: Final = 10
MAX_EXAMPLES: Final = 5
_LEAST_LIMIT: Final = 1e-6


@dataclass(frozen=True)
class Known:
    """What a model was trained on, and how far from it what it was not trained on may lie."""

    vectors_ND: Vectors
    limit: float
    """As 1 - cosine."""
    distances_H: Floats
    """Of rows that it was not trained on."""


@dataclass(frozen=True)
class Asked:
    """Requests with their directions."""

    exchanges: Sequence[str]
    """Ids."""
    texts: Sequence[str]
    vectors_MD: Vectors


def known(vectors_ND: Vectors, held_out_HD: Vectors) -> Known:
    """The limit is the 99th percentile of the distances of held-out rows; the smallest that so many do not exceed."""
    distances_H = nearest(held_out_HD, vectors_ND)
    limit = float(np.quantile(distances_H, QUANTILE, method="higher"))
    return Known(vectors_ND, max(limit, _LEAST_LIMIT), distances_H)


def nearest(vectors_MD: Vectors, of_ND: Vectors) -> Floats:
    """(M,) the distance, 1 - cosine, of each to the nearest of others; both of length 1."""
    cosines_MN = vectors_MD.astype(np.float64) @ of_ND.astype(np.float64).T
    distances_M: Floats = np.maximum(0.0, 1.0 - cosines_MN.max(axis=1))
    return distances_M


def unfamiliar(asked: Asked, of: Known) -> list[Unfamiliar]:
    """Those beyond the limit by clusters, the largest first, at most MAX_CLUSTERS of them."""
    distances_M = nearest(asked.vectors_MD, of.vectors_ND)
    places_U = np.flatnonzero(distances_M > of.limit)
    if not len(places_U):
        return []
    vectors_UD = asked.vectors_MD[places_U].astype(np.float64)
    apart_UU = np.clip(1.0 - vectors_UD @ vectors_UD.T, 0.0, None)
    labels_U = _clusters(apart_UU, of.limit)
    found = []
    for label in np.unique(labels_U):
        members = np.flatnonzero(labels_U == label)
        typical = members[np.argsort(apart_UU[np.ix_(members, members)].mean(axis=1), kind="stable")]
        places = places_U[typical]
        found.append(
            Unfamiliar(
                exchanges=[asked.exchanges[place] for place in places],
                examples=[asked.texts[place] for place in places[:MAX_EXAMPLES]],
                distance=float(distances_M[places[0]]),
            )
        )
    return sorted(found, key=lambda each: -len(each.exchanges))[:MAX_CLUSTERS]


def _clusters(apart_UU: Floats, limit: float) -> NDArray[np.int64]:
    """(U,) a number for each: clusters whose members lie within the limit of each other on the average."""
    from sklearn.cluster import AgglomerativeClustering

    if len(apart_UU) == 1:
        return np.zeros(1, np.int64)
    found = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=limit)
    labels_U: NDArray[np.int64] = found.fit_predict(apart_UU)
    return labels_U
