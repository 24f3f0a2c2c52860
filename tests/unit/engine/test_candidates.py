"""The search through a tree of candidates against all of them written out, with likelihoods made from what is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tunesmith.engine import candidates
from tunesmith.engine.candidates import PROMPT, CandidateTree, Search, reading

VOCABULARY = 6
END = 5
Floats = NDArray[np.float64]


def some_candidates(rng: np.random.Generator, num: int) -> list[list[int]]:
    """Short ones and long ones that begin alike, one a beginning of another, and one twice."""
    drawn = [[*rng.integers(0, 3, rng.integers(0, 9)).tolist(), END] for _ in range(num)]
    return [*drawn, drawn[0], [0, 1], [0, 1, 2, 2], [0, 1, 2, 2, 2, 1]]


def log_next(prompt: int, before: Sequence[int], sharpness: float) -> Floats:
    """(V,) what a made model says of the next token; the same of the same beginning."""
    logits = np.random.default_rng([prompt, 77, *before]).normal(0.0, sharpness, VOCABULARY)
    found: Floats = logits - np.log(np.exp(logits).sum())
    return found


def likelihood(prompt: int, ids: Sequence[int], sharpness: float) -> float:
    return float(sum(log_next(prompt, ids[:place], sharpness)[token] for place, token in enumerate(ids)))


def searched(tree: CandidateTree, num_prompts: int, sharpness: float) -> tuple[Floats, int, int]:
    """Likelihoods as the search leaves them, how many rounds it took, and of how many nodes something was asked."""
    search = Search(tree, num_prompts)
    (first,) = np.nonzero(tree.edge_nodes_E == PROMPT)
    for row in range(num_prompts):
        logs = log_next(row, (), sharpness)[tree.edge_targets_E[first]]
        search.learn(np.full(len(first), row), first, logs)
    num_rounds = num_nodes = 0
    while (chosen := search.take_chains()).any():
        rows = np.flatnonzero(chosen.any(1))
        asked = reading(tree, chosen[rows])
        num_rounds, num_nodes = num_rounds + 1, num_nodes + len(asked.states_U)
        found = []
        for state, edge in zip(asked.state_Q, asked.edges_Q, strict=True):
            node = asked.states_U[state]
            row, end = asked.rows_T[node], asked.num_seen_T[: node + 1].sum()
            seen = asked.seen_Y[end - asked.num_seen_T[node] : end]
            assert set(asked.rows_T[seen]) == {row}
            assert np.flatnonzero(asked.rows_T == row)[asked.places_T[node]] == node
            before = asked.ids_T[seen].tolist()
            assert asked.depths_T[node] == len(before) - 1
            found.append(log_next(int(rows[row]), before, sharpness)[tree.edge_targets_E[edge]])
        assert asked.rows_T[asked.states_U[asked.state_Q]].tolist() == asked.rows_Q.tolist()
        search.learn(rows[asked.rows_Q], asked.edges_Q, np.array(found))
    return search.likelihoods(), num_rounds, num_nodes


@pytest.mark.parametrize("sharpness", [0.3, 2.0, 8.0])
@pytest.mark.parametrize("max_nodes", [1, 8, 64])
def test_what_matters_is_exact_and_the_rest_a_small_bound(
    monkeypatch: pytest.MonkeyPatch, sharpness: float, max_nodes: int
) -> None:
    monkeypatch.setattr(candidates, "MAX_NODES", max_nodes)
    written = some_candidates(np.random.default_rng(1), 25)
    tree = CandidateTree.of(written)
    found, num_rounds, num_nodes = searched(tree, 4, sharpness)
    expected = np.array([[likelihood(row, ids, sharpness) for ids in written] for row in range(4)])
    is_exact = np.isclose(found, expected, rtol=1e-12)
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert is_exact[np.arange(4), found.argmax(1)].all()
    left_out = np.where(is_exact, 0.0, np.exp(found - found.max(1, keepdims=True))).sum(1)
    assert (left_out <= candidates.MAX_LEFT_OUT).all()
    print(
        f"sharpness {sharpness}, {max_nodes} nodes at once: {num_rounds} rounds, {num_nodes} of {4 * len(tree.ids_N)}"
    )
    if sharpness == 8.0:
        assert not is_exact.all()
        assert num_nodes < 2 * len(tree.ids_N)


def test_nothing_is_left_out_where_nothing_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MAX_LEFT_OUT", 0.0)
    written = some_candidates(np.random.default_rng(2), 30)
    tree = CandidateTree.of(written)
    found, _, num_nodes = searched(tree, 3, 4.0)
    np.testing.assert_allclose(found, [[likelihood(row, ids, 4.0) for ids in written] for row in range(3)], rtol=1e-12)
    assert num_nodes == 3 * len(tree.ids_N)


def test_chains_end_where_candidates_part() -> None:
    #      1 - 2 - 3 - 9
    #            \ 4 - 5 - 9
    #      6 - 9
    tree = CandidateTree.of([[1, 2, 3, 9], [1, 2, 4, 5, 9], [6, 9]])
    chains = [tree.ids_N[tree.chain_N[:-1] == chain].tolist() for chain in range(len(tree.parent_G))]
    assert chains == [[1, 2], [3], [4, 5], [6]]
    assert tree.parent_G.tolist() == [PROMPT, 0, 0, PROMPT]
    assert tree.num_nodes_G.tolist() == [2, 1, 2, 1]
    assert tree.through_GC.tolist() == [[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert tree.last_C.tolist() == [1, 2, 3]


def test_candidates_of_one_token_are_known_from_the_prompt() -> None:
    tree = CandidateTree.of([[END], [2], [END]])
    found, num_rounds, _ = searched(tree, 2, 1.0)
    assert num_rounds == 0
    expected = [[likelihood(row, ids, 1.0) for ids in ([END], [2], [END])] for row in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_more_than_fits_is_read_where_one_chain_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MAX_NODES", 2)
    tree = CandidateTree.of([[0, 1, 2, 3, 4, 3, 2, END], [1, END]])
    search = Search(tree, 1)
    search.learn(np.array([0, 0]), np.array([0, 8]), np.array([-0.1, -1.0]))
    assert search.take_chains().tolist() == [[True, False]]
    assert search.take_chains().tolist() == [[False, True]]
    assert not search.take_chains().any()


def test_what_is_left_out_shares_what_is_left_to_it() -> None:
    tree = CandidateTree.of([[0, 1, END], [2, 3, 3, END], [2, 4, END]])
    ends = zip(tree.edge_nodes_E.tolist(), tree.edge_targets_E.tolist(), strict=True)
    edges = {end: edge for edge, end in enumerate(ends)}
    search = Search(tree, 1)
    nowhere = np.zeros(2, np.int64)
    search.learn(nowhere, np.array([edges[PROMPT, 0], edges[PROMPT, 2]]), np.array([-0.2, -6.0]))
    assert search.take_chains().tolist() == [[True, False, False, False]]
    search.learn(nowhere, np.array([edges[0, 1], edges[1, END]]), np.array([-0.3, -0.4]))
    assert not search.take_chains().any()
    # a token of the likeliest costs 0.3, and of the two others three and two are not read
    expected = [-0.9, -6.0 - np.log(2) - 0.9, -6.0 - np.log(2) - 0.6]
    np.testing.assert_allclose(search.likelihoods(), [expected], rtol=1e-12)
