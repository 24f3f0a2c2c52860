"""What was forgotten by kind of question, and answers that were cut, in the words of the reader."""

from __future__ import annotations

import pytest

from tunesmith.artifacts.scorecard import Difference, Estimate, Forgetting, KindForgetting
from tunesmith.metrics.wording import Language, Words
from tunesmith.records import Message, Sample, Sampling
from tunesmith.report.forgetting import forgetting_view
from tunesmith.report.pairs import MAX_ITEMS, Judged


def difference(mean: float, p_adjusted: float | None = None) -> Difference:
    return Difference(
        suite="general_zh", metric="right", arm="tuned", against="base", mean=mean, low=mean - 0.1, high=mean + 0.1,
        p_value=0.01, p_adjusted=p_adjusted, n=40,
    )  # fmt: skip


def loss(num_cut: int) -> Forgetting:
    half = Estimate(value=0.5, low=0.35, high=0.65, n=40)
    kinds = [
        KindForgetting(kind="arithmetic", before=half, after=half, difference=difference(-0.25, 0.02)),
        KindForgetting(kind="our own", before=half, after=half, difference=difference(0.0, 1.0)),
    ]
    return Forgetting(
        suite="general_zh", arm="tuned", before=half, after=half, difference=difference(-0.2), lost=["a"], won=[],
        num_cut_before=0, num_cut_after=num_cut, kinds=kinds,
    )  # fmt: skip


@pytest.mark.parametrize(("language", "name", "cut"), [("en", "Arithmetic", "1,234 after"), ("zh", "算术", "1,234")])
def test_kinds_have_their_names_figures_and_corrected_p_values(language: Language, name: str, cut: str) -> None:
    view = forgetting_view(loss(1234), {}, 0.05, Words(language))
    first, second = view.kinds
    assert (first.name, first.before.value, first.p_adjusted, first.num_items) == (name, "0.500", "0.020", "40")
    assert (first.difference.value, first.difference.direction) == ("\N{MINUS SIGN}0.250", "worse")
    assert (second.name, second.p_adjusted, second.difference.direction) == ("our own", "1.000", "unclear")
    assert cut in view.cut
    assert view.loss == "beyond"


def test_nothing_is_said_of_cuts_where_there_are_none() -> None:
    assert forgetting_view(loss(0), {}, 0.05, Words("en")).cut == ""


def test_of_many_items_that_were_lost_the_first_are_shown_and_all_are_counted() -> None:
    items = [f"item-{number:03}" for number in range(MAX_ITEMS + 40)]
    judged = {(arm, "general_zh", item): answered(arm, item) for arm in ("base", "tuned") for item in items}
    view = forgetting_view(loss(0).model_copy(update={"lost": items}), judged, 0.05, Words("en"))
    assert [one.question for one in view.lost] == items[:MAX_ITEMS]
    assert (view.num_lost, view.lost_ids) == (MAX_ITEMS + 40, ())


def answered(arm: str, item: str) -> Judged:
    prompt = (Message("user", item),)
    return Judged(Sample(arm, "general_zh", item, 0, prompt, "", "", None, "", {}, Sampling(), 1, "stop"), {})
