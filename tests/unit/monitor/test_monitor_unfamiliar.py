"""What is unlike training is shown, alike with alike."""

from __future__ import annotations

import numpy as np
import pytest
from monitor_material import NEW, embed, question, rows
from scipy.spatial.distance import cdist

from tunesmith.monitor.unfamiliar import MAX_EXAMPLES, Asked, known, nearest, unfamiliar

TRAINED = [row.prompt[-1].content for row in rows(1, 600)]
HELD_OUT = [row.prompt[-1].content for row in rows(2, 300)]
OF = known(embed(TRAINED), embed(HELD_OUT))


def asked(texts: list[str]) -> Asked:
    return Asked([f"ex-{place}" for place in range(len(texts))], texts, embed(texts))


def usual(num: int) -> list[str]:
    rng = np.random.default_rng(5)
    return [question(rng, "billing", 0.2) for _ in range(num)]


def test_distances_are_those_of_scipy() -> None:
    one, other = embed(HELD_OUT[:30]), embed(TRAINED)
    expected = cdist(one.astype(np.float64), other.astype(np.float64), "cosine").min(axis=1)
    assert nearest(one, other) == pytest.approx(expected, abs=1e-6)


def test_one_in_a_hundred_held_out_rows_lies_beyond_the_limit() -> None:
    distances = nearest(embed(HELD_OUT), OF.vectors_ND)
    assert np.mean(distances > OF.limit) <= 0.01
    assert np.mean(distances >= OF.limit) >= 0.01


def test_new_requests_are_shown_by_what_they_ask() -> None:
    texts = usual(60) + [text.format(n=n) for text in NEW for n in range(1000, 1009)]
    found = unfamiliar(asked(texts), OF)
    shown = [{int(id.removeprefix("ex-")) for id in one.exchanges} for one in found]
    for place in range(len(NEW)):
        new = {60 + 9 * place + n for n in range(9)}
        assert sum(new <= members for members in shown) == 1
    assert sum(len(members) for members in shown) <= 27 + 3
    assert len(found[0].examples) == MAX_EXAMPLES
    assert [texts[int(found[0].exchanges[0].removeprefix("ex-"))]] == found[0].examples[:1]
    assert all(one.distance > OF.limit for one in found)
    assert [len(one.exchanges) for one in found] == sorted((len(one.exchanges) for one in found), reverse=True)


def test_one_alone_and_none_at_all() -> None:
    alone = unfamiliar(asked([*usual(5), "Does the drone fly over the sea?"]), OF)
    assert [one.exchanges for one in alone] == [["ex-5"]]
    assert unfamiliar(asked(TRAINED[:9]), OF) == []


def test_an_empty_question_is_unlike_every_row() -> None:
    vectors = embed(["x", "y"])
    vectors[0] = 0.0
    (found, *_) = unfamiliar(Asked(["ex-0"], [""], vectors[:1]), OF)
    assert found.distance == 1.0
