"""What people say of answers, counted once for each exchange."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from store_material import exchange, feedback

from tunesmith.monitor.said import Said, edit_share, is_right, said_features
from tunesmith.records import Exchange, Feedback, Message
from tunesmith.store import ReviewRating

ASKED = [exchange(n, answer=Message("assistant", "Billing")) for n in range(6)]


def on(number: int, kind: str, at: int = 0, **fields: object) -> Feedback:
    return replace(feedback(10 * number + at, ASKED[number]), kind=kind, **fields)


def said(*told: Feedback, reviews: tuple[ReviewRating, ...] = ()) -> Said:
    return Said(
        {one.id: [each for each in told if each.exchange == one.id] for one in ASKED},
        {one.id: [each for each in reviews if each.exchange == one.id] for one in ASKED},
    )


def review(number: int, dimension: str, value: int | None, text: str | None = None) -> ReviewRating:
    return ReviewRating(ASKED[number].id, "mei", dimension, value, text, ASKED[number].at)


def levenshtein(one: str, other: str) -> int:
    """The recursion as it stands in the books."""
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    table[:, 0], table[0] = np.arange(len(one) + 1), np.arange(len(other) + 1)
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            changed = table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, changed)
    return int(table[-1, -1])


@pytest.mark.parametrize("seed", range(20))
def test_the_share_of_edits_is_levenshteins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = ("".join(rng.choice(list("ab退款 "), rng.integers(1, 30))) for _ in range(2))
    assert edit_share(one, other) == levenshtein(one, other) / max(len(one), len(other))


def test_the_share_of_edits_at_its_ends() -> None:
    assert [edit_share("", ""), edit_share("a", ""), edit_share("", "a"), edit_share("同", "同")] == [0, 1, 1, 0]


def test_each_exchange_counts_once() -> None:
    flood = [on(0, "thumb", at, value=-1) for at in range(9)]
    others = [on(1, "thumb", value=1), on(2, "rating", value=2), on(2, "rating", 1, value=4)]
    found = said_features(ASKED, said(*flood, *others, on(3, "correction", text="delivery")), len(ASKED))
    assert found.shares == {"feedback": (4, 6), "thumbs_down": (1, 2), "corrected": (1, 6), "accuracy": (0, 1)}
    assert found.numbers["rating"].tolist() == [3.0]
    assert found.numbers["correction_distance"].tolist() == [levenshtein("Billing", "delivery") / 8]
    assert found.numbers["right"].tolist() == [0.0]


def test_the_newest_thumb_holds() -> None:
    found = said_features(ASKED, said(on(0, "thumb", value=-1), on(0, "thumb", 1, value=1)), len(ASKED))
    assert found.shares["thumbs_down"] == (0, 1)


def test_experts_go_before_users() -> None:
    user = on(0, "correction", text="delivery")
    assert is_right(ASKED[0], said(user)) is False
    assert is_right(ASKED[0], said(user, reviews=(review(0, "accuracy", 5),))) is True
    assert is_right(ASKED[0], said(reviews=(review(0, "accuracy", 5), review(0, "accuracy", 2)))) is False
    written = review(0, "correction", None, "billing.")
    assert is_right(ASKED[0], said(user, reviews=(review(0, "accuracy", 1), written))) is True
    assert is_right(ASKED[0], said(reviews=(review(0, "fluency", 5),))) is None
    assert is_right(ASKED[0], said()) is None


def test_without_texts_nothing_is_right_or_wrong() -> None:
    bare: list[Exchange] = [replace(one, answer=None, prompt=()) for one in ASKED]
    found = said_features(bare, said(on(0, "correction", text=None), on(1, "thumb", value=-1)), len(bare))
    assert found.shares == {"feedback": (2, 6), "thumbs_down": (1, 1), "corrected": (1, 6)}
    assert found.numbers == {}
    labelled = replace(bare[0], label="billing")
    assert is_right(labelled, said(on(0, "correction", text="Billing"))) is True


def test_nothing_said_of_nothing() -> None:
    assert said_features([], said(), 0).shares == {}
    assert said_features([], said(), 5).shares == {"feedback": (0, 5), "corrected": (0, 5)}


def test_exchanges_of_which_nothing_was_said_need_not_be_read() -> None:
    told = said(on(0, "thumb", value=-1), on(3, "correction", text="delivery"), on(3, "thumb", 1, value=-1))
    every, named = said_features(ASKED, told, 6), said_features([ASKED[0], ASKED[3]], told, 6)
    assert (every.shares, every.classes) == (named.shares, named.classes)
    assert every.classes == {"kinds": {"thumb": 2, "correction": 1}}
    assert {name: values.tolist() for name, values in every.numbers.items()} == {
        name: values.tolist() for name, values in named.numbers.items()
    }
