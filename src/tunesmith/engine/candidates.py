"""Candidate answers as a prefix tree: one pass behind a prompt scores them all, common beginnings once.

Shapes: N nodes (a token that something follows), E edges (a token and what it predicts), B trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.model.layout import round_up

NODES_UNIT: Final = 8

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CandidateTree:
    """All proper beginnings of the candidates. Last tokens are only predicted: they have no node."""

    ids_N: Ints
    depths_N: Ints
    """Tokens of the candidate before the node's own."""
    sees_NN: NDArray[np.bool_]
    """(query, key): the key is the query itself or one of its ancestors."""
    edge_nodes_E: Ints
    """Where an edge starts: 0 is the prompt's last token, n + 1 is node n."""
    edge_targets_E: Ints
    edges_of: tuple[tuple[int, ...], ...]
    """The edges on each candidate's way."""

    @property
    def num_nodes(self) -> int:
        return len(self.ids_N)

    @classmethod
    def of(cls, candidates: Sequence[Sequence[int]]) -> CandidateTree:
        """The tree of candidates that have at least one token each."""
        parents: list[int] = []
        tokens: list[int] = []
        edges: dict[tuple[int, int], int] = {}
        node_after: dict[int, int] = {}
        edges_of = []
        for ids in candidates:
            here, way = 0, []
            for place, token in enumerate(ids):
                edge = edges.setdefault((here, token), len(edges))
                way.append(edge)
                if place + 1 < len(ids):
                    if edge not in node_after:
                        parents.append(here)
                        tokens.append(token)
                        node_after[edge] = len(tokens)
                    here = node_after[edge]
            edges_of.append(tuple(way))
        sees_NN = np.eye(len(tokens), dtype=bool)
        depths_N = np.zeros(len(tokens), np.int64)
        for node, parent in enumerate(parents):  # parents come before their children
            if parent:
                sees_NN[node] |= sees_NN[parent - 1]
                depths_N[node] = depths_N[parent - 1] + 1
        starts_and_targets = np.array(list(edges), np.int64).reshape(-1, 2)
        return cls(
            ids_N=np.array(tokens, np.int64),
            depths_N=depths_N,
            sees_NN=sees_NN,
            edge_nodes_E=starts_and_targets[:, 0],
            edge_targets_E=starts_and_targets[:, 1],
            edges_of=tuple(edges_of),
        )

    def sums(self, logs_E: NDArray[np.float64]) -> list[float]:
        """Each candidate's log-likelihood from those of the edges."""
        return [float(logs_E[list(edges)].sum()) for edges in self.edges_of]


def stack_trees(trees: Sequence[CandidateTree]) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """(B, N) tokens, (B, N) depths, (B, N, N) who sees whom; padding sees itself."""
    # a coarse grid, because products of a known shape start many times faster
    num_nodes = round_up(max(tree.num_nodes for tree in trees), NODES_UNIT)
    ids_BN, depths_BN = np.zeros((2, len(trees), num_nodes), np.int64)
    sees_BNN = np.tile(np.eye(num_nodes, dtype=bool), (len(trees), 1, 1))
    for row, tree in enumerate(trees):
        ids_BN[row, : tree.num_nodes] = tree.ids_N
        depths_BN[row, : tree.num_nodes] = tree.depths_N
        sees_BNN[row, : tree.num_nodes, : tree.num_nodes] = tree.sees_NN
    return ids_BN, depths_BN, sees_BNN
