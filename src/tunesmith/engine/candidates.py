"""Candidate answers as a prefix tree, and the search for the parts of it that the likeliest ones lie in.

A tree's nodes are the tokens that something follows, its edges are all tokens, each with its log-likelihood. Nodes are
read in chains, which end where candidates part: before that there is nothing to decide. Every further token only lowers
a likelihood, so that what is known up to a chain's first token bounds all candidates that go through it.

Shapes: B prompts, C candidates, N nodes, E edges and G chains of their tree, T nodes of one reading, Y what they see, U
states that something is asked of, Q what is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_NODES: Final = 64
"""Nodes that are read behind a prompt before what they told is looked at; one chain is read in any case."""
MAX_LEFT_OUT: Final = 0.2
"""What all candidates that are not followed to their end can have together, as a share of the likeliest."""
PROMPT: Final = -1
"""Stands for the prompt among nodes and among chains."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CandidateTree:
    """All beginnings of some candidates. Last tokens are only predicted: they have no node."""

    ids_N: Ints
    depths_N: Ints
    """Tokens of the candidate before the node's own."""
    sees_NN: Flags
    """(query, key): the key is the query itself or one of its ancestors."""
    chain_N: Ints
    """The chain of each node, and PROMPT at the end: there PROMPT finds it."""
    edge_nodes_E: Ints
    """The node whose token the edge's token follows, or PROMPT."""
    edge_targets_E: Ints
    ways_EC: Floats
    """1 where an edge is on the way of a candidate, else 0."""
    entries_EG: Floats
    """1 where an edge is on the way up to a chain's first token, else 0."""
    follows_GG: Flags
    """(chain, other): the other is the chain itself or comes before it."""
    parent_G: Ints
    """The chain before it, or PROMPT."""
    num_nodes_G: Ints
    through_GC: Floats
    """1 where a candidate goes on behind the chain's first token, else 0."""
    last_C: Ints
    """The chain that a candidate's last token is predicted from, or PROMPT."""

    @classmethod
    def of(cls, candidates: Sequence[Sequence[int]]) -> CandidateTree:
        """The tree of candidates that have at least one token each."""
        edges, entering_N, ways = _grown(candidates)
        edge_nodes_E, edge_targets_E = np.array(list(edges), np.int64).reshape(-1, 2).T
        parent_N = edge_nodes_E[entering_N]
        chain_N = _chains(parent_N, np.bincount(edge_nodes_E[edge_nodes_E != PROMPT], minlength=len(parent_N)))
        sees_NN = np.eye(len(parent_N), dtype=bool)
        for node, parent in enumerate(parent_N):  # parents come before their children
            if parent != PROMPT:
                sees_NN[node] |= sees_NN[parent]
        _, heads_G, num_nodes_G = np.unique(chain_N, return_index=True, return_counts=True)
        ways_EC = _ones(len(edges), ways).astype(np.float64)
        before = [np.flatnonzero(sees_NN[head]) for head in heads_G]
        chain_before_N = np.append(chain_N, PROMPT)  # so that PROMPT finds PROMPT
        sources = [chain_before_N[edge_nodes_E[way[1:]]] for way in ways]
        return cls(
            ids_N=edge_targets_E[entering_N],
            depths_N=sees_NN.sum(1) - 1,
            sees_NN=sees_NN,
            chain_N=chain_before_N,
            edge_nodes_E=edge_nodes_E,
            edge_targets_E=edge_targets_E,
            ways_EC=ways_EC,
            entries_EG=_ones(len(edges), [entering_N[nodes] for nodes in before]).astype(np.float64),
            follows_GG=_ones(len(heads_G), [chain_N[nodes] for nodes in before]).T,
            parent_G=chain_before_N[parent_N[heads_G]],
            num_nodes_G=num_nodes_G,
            through_GC=_ones(len(heads_G), sources).astype(np.float64),
            last_C=np.array([chain_before_N[edge_nodes_E[way[-1]]] for way in ways], np.int64),
        )


def _grown(candidates: Sequence[Sequence[int]]) -> tuple[dict[tuple[int, int], int], Ints, list[list[int]]]:
    """Edges by node and token, (N,) the edge that enters each node, and the edges on each candidate's way."""
    edges: dict[tuple[int, int], int] = {}
    node_after: dict[int, int] = {}
    ways: list[list[int]] = []
    for ids in candidates:
        here, way = PROMPT, []
        for place, token in enumerate(ids):
            edge = edges.setdefault((here, token), len(edges))
            way.append(edge)
            if place + 1 < len(ids):
                here = node_after.setdefault(edge, len(node_after))
        ways.append(way)
    return edges, np.array(list(node_after), np.int64), ways


def _chains(parent_N: Ints, num_leaving_N: Ints) -> Ints:
    """(N,) chains, numbered in the order of their first nodes: a node goes on with its parent's if it is all that
    follows there."""
    chain_N = np.empty(len(parent_N), np.int64)
    num_chains = 0
    for node, parent in enumerate(parent_N):
        if parent != PROMPT and num_leaving_N[parent] == 1:
            chain_N[node] = chain_N[parent]
        else:
            chain_N[node], num_chains = num_chains, num_chains + 1
    return chain_N


def _ones(num: int, places: Sequence[Sequence[int] | Ints]) -> Flags:
    """(num, columns) true at the places of each column."""
    found = np.zeros((num, len(places)), bool)
    for column, of_column in enumerate(places):
        found[of_column, column] = True
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """Nodes that are read behind some prompts, one prompt's after the other's, and what is asked of them."""

    rows_T: Ints
    ids_T: Ints
    depths_T: Ints
    places_T: Ints
    """Of each node among its prompt's."""
    num_seen_T: Ints
    """A node itself and its ancestors."""
    seen_Y: Ints
    """Where in T these are, one node's after the other's."""
    states_U: Ints
    """Nodes after which something is asked, ascending."""
    state_Q: Ints
    """Of which of these, ascending."""
    rows_Q: Ints
    edges_Q: Ints


def reading(tree: CandidateTree, chosen_BG: Flags) -> Reading:
    """Chains behind each prompt, with the nodes before them."""
    has_BN = _at(chosen_BG @ tree.follows_GG, tree.chain_N[:-1], of_prompt=False)
    rows_T, nodes_T = np.nonzero(has_BN)
    number_BN = has_BN.cumsum().reshape(has_BN.shape) - 1
    seen_by_Y, seen_nodes_Y = np.nonzero(tree.sees_NN[nodes_T])
    rows_Q, edges_Q = np.nonzero(_at(chosen_BG, _chain_of_edges(tree), of_prompt=False))
    asked_Q = number_BN[rows_Q, tree.edge_nodes_E[edges_Q]]
    order_Q = np.argsort(asked_Q, kind="stable")
    states_U, state_Q = np.unique(asked_Q[order_Q], return_inverse=True)
    return Reading(
        rows_T=rows_T,
        ids_T=tree.ids_N[nodes_T],
        depths_T=tree.depths_N[nodes_T],
        places_T=(has_BN.cumsum(1) - 1)[rows_T, nodes_T],
        num_seen_T=tree.depths_N[nodes_T] + 1,
        seen_Y=number_BN[rows_T[seen_by_Y], seen_nodes_Y],
        states_U=states_U,
        state_Q=state_Q,
        rows_Q=rows_Q[order_Q],
        edges_Q=edges_Q[order_Q],
    )


def _chain_of_edges(tree: CandidateTree) -> Ints:
    """(E,) the chain of the node that an edge leaves, or PROMPT."""
    return tree.chain_N[tree.edge_nodes_E]


def _at(flags_BG: Flags, chains_X: Ints, *, of_prompt: bool) -> Flags:
    """(B, X) the flags of these chains; PROMPT has `of_prompt`."""
    with_prompt = np.pad(flags_BG, ((0, 0), (0, 1)), constant_values=of_prompt)
    found: Flags = with_prompt[:, chains_X]
    return found


class Search:
    """What is known of each prompt's candidates, and what is worth reading next."""

    def __init__(self, tree: CandidateTree, num_prompts: int) -> None:
        self.tree = tree
        self._logs_BE = np.zeros((num_prompts, len(tree.edge_nodes_E)))
        self._is_read_BG = np.zeros((num_prompts, len(tree.parent_G)), bool)
        self._waiting_B = np.arange(num_prompts)

    def likelihoods(self) -> Floats:
        """(B, C) log-likelihoods of all candidates, once no more chains are to be read.

        Those that were left out share evenly what is left to them together; each further token then costs them what one
        of the likeliest candidate does on average.
        """
        tree = self.tree
        open_BG, known_BC = self._open().astype(np.float64), self._logs_BE @ tree.ways_EC
        is_whole_BC, tokens_C = self._is_whole(), tree.ways_EC.sum(0)
        shared_BC = known_BC - open_BG * np.log(tree.through_GC.sum(1)) @ tree.through_GC
        num_unread_BC = tokens_C - open_BG * tree.entries_EG.sum(0) @ tree.through_GC
        best_B = np.where(is_whole_BC, known_BC, -np.inf).argmax(1)
        cost_B = known_BC[np.arange(len(best_B)), best_B] / tokens_C[best_B]
        return np.where(is_whole_BC, known_BC, shared_BC + cost_B[:, None] * num_unread_BC)

    def learn(self, rows_Q: Ints, edges_Q: Ints, logs_Q: Floats) -> None:
        self._logs_BE[rows_Q, edges_Q] = logs_Q

    def take_chains(self) -> Flags:
        """(B, G) chains that are to be read now; none of a prompt of which all that matters is known.

        The likeliest go first. Chains are left out where all candidates behind them together stay below MAX_LEFT_OUT of
        the likeliest whole one, or of what is likelier still as far as it is read.
        """
        tree, logs_BE = self.tree, self._logs_BE[self._waiting_B]
        is_open_BG = self._open()[self._waiting_B]
        reach_BG = np.where(is_open_BG, logs_BE @ tree.entries_EG, -np.inf)
        best_B = np.where(self._is_whole()[self._waiting_B], logs_BE @ tree.ways_EC, -np.inf).max(1)
        best_B = np.maximum(best_B, reach_BG.max(1, initial=-np.inf))
        # all answers that begin alike are together no likelier than what they begin with
        mass_BG = np.exp(reach_BG - best_B[:, None])
        upwards_BG = np.argsort(mass_BG, axis=1, kind="stable")
        matters_BG = np.take_along_axis(mass_BG, upwards_BG, 1).cumsum(1) > MAX_LEFT_OUT
        matters_BG &= np.take_along_axis(is_open_BG, upwards_BG, 1)
        sizes_BG = tree.num_nodes_G[upwards_BG] * matters_BG
        with_likelier_BG = sizes_BG[:, ::-1].cumsum(1)[:, ::-1]
        fits_BG = (with_likelier_BG <= MAX_NODES) | (with_likelier_BG == sizes_BG)
        now_BG = np.zeros_like(is_open_BG)
        np.put_along_axis(now_BG, upwards_BG, matters_BG & fits_BG, 1)
        taken_BG = np.zeros_like(self._is_read_BG)
        taken_BG[self._waiting_B] = now_BG
        self._is_read_BG |= taken_BG
        self._waiting_B = np.flatnonzero(taken_BG.any(1))  # nothing new is learned of the others
        return taken_BG

    def _open(self) -> Flags:
        """(B, G) chains whose first token's likelihood is known, and no more."""
        return ~self._is_read_BG & _at(self._is_read_BG, self.tree.parent_G, of_prompt=True)

    def _is_whole(self) -> Flags:
        """(B, C) candidates that are known to their end."""
        return _at(self._is_read_BG, self.tree.last_C, of_prompt=True)
