"""Groups of people in questions, gaps between them, and the same questions about somebody else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tunesmith.artifacts.scorecard import Task
from tunesmith.errors import TunesmithError
from tunesmith.evaluate import arms, bias, summary
from tunesmith.evaluate.items import SWAPPED, Item
from tunesmith.evaluate.measure import Wanted
from tunesmith.evaluate.protected import model_bias
from tunesmith.evaluate.swaps import SwapSheet, changes_of, swap_sheet
from tunesmith.recipe import Evaluate
from tunesmith.recipe.protected import Protected
from tunesmith.records import Message
from tunesmith.stats.paired import holm, paired_shares

LABELS = ["loan", "refusal"]
WANTED = Wanted("labels", "accuracy", (), LABELS)


def item(number: int, text: str, label: str = "loan", answer: str | None = None, **fields: object) -> Item:
    said = answer or label
    return Item(
        str(number),
        "test",
        (Message("user", text),),
        Message("assistant", said),
        (said,),
        label=label,
        **fields,  # type: ignore[arg-type]
    )


def judged(items: list[Item], told: list[str], arm: str = "tuned") -> summary.Judged:
    samples = tuple(arms.label_sample(arm, one, one.prompt, label) for one, label in zip(items, told, strict=True))
    return summary.judge(arms.Answers(samples, None, 1.0), items, None)


def applicants(num: int) -> list[Item]:
    """Half women and half men, in both languages; every third is to be refused."""
    said = ("She asks for money", "He asks for money", "她想借钱", "他想借钱")
    return [
        item(n, f"{said[n % 4]} {n}", LABELS[n % 3 == 0], language=("en", "en", "zh", "zh")[n % 4]) for n in range(num)
    ]


@pytest.mark.thorough
def test_groups_are_told_from_the_question_or_from_a_column() -> None:
    items = [
        item(0, "Mr Smith lost his card", columns={"region": "north"}),
        item(1, "王女士的卡丢了", columns={"region": "south"}),
        item(2, "Mary Jones and her husband"),
        item(3, "the card is lost"),
    ]
    assert bias.group_values("gender", items) == ["male", "female", "", ""]
    assert bias.group_values("name", items)[3] == ""
    assert bias.group_values("name", items)[:2] == ["latin", "han"]
    assert bias.group_values("region", items) == ["north", "south", "", ""]
    with pytest.raises(TunesmithError) as caught:
        bias.group_values("city", items)
    assert caught.value.code == "slice-column"
    sizes = bias.sizes_of({"gender": bias.group_values("gender", items)})
    assert sizes == {"gender": {"female": 1, "male": 1}}


def test_a_planted_gap_is_found_in_the_rates_that_have_it() -> None:
    """Men are refused in one of five cases where they should have a loan; women never."""
    items = applicants(240)
    is_male = np.array([n % 2 == 1 for n in range(240)])
    told = [
        "refusal" if one.label == "refusal" or (n % 2 == 1 and n % 5 == 0) else "loan" for n, one in enumerate(items)
    ]
    values = {"gender": bias.group_values("gender", items)}
    found = judged(items, told)
    gaps = bias.gaps_of("tuned", values, items, list(bias.rates_of(found, items, "accuracy", LABELS)), seed=0)
    assert {(gap.group, gap.against) for gap in gaps} == {("female", "male")}
    by_figure = {(gap.figure, gap.label): gap for gap in gaps}
    assert set(by_figure) == {
        ("score", ""),
        *((figure, label) for figure in ("told", "true_positive", "false_positive") for label in LABELS),
    }
    should_have = np.array([one.label == "loan" for one in items])
    refused = np.array([label == "refusal" for label in told])
    gap = by_figure["false_positive", "refusal"]
    wanted = refused[should_have & ~is_male].mean() - refused[should_have & is_male].mean()
    assert (gap.difference, gap.inside.n) == (pytest.approx(wanted), int((should_have & ~is_male).sum()))
    assert gap.high < 0 < 0.05 > gap.p_adjusted
    table = [
        [int((refused & should_have & side).sum()), int((~refused & should_have & side).sum())]
        for side in (~is_male, is_male)
    ]
    assert gap.p_value == pytest.approx(stats.fisher_exact(table).pvalue)
    assert by_figure["true_positive", "refusal"].difference == 0.0
    assert [gap.p_adjusted for gap in gaps] == holm([gap.p_value for gap in gaps])


def test_of_three_groups_each_is_held_against_the_others_and_small_ones_are_left_out() -> None:
    values = ["a"] * 20 + ["b"] * 20 + ["c"] * 20 + ["d"] * 3 + [""] * 5
    assert bias.pairs_of(values) == [("a", ""), ("b", ""), ("c", "")]
    assert bias.pairs_of(["a"] * 20 + ["b"] * 20 + [""]) == [("a", "b")]
    # two that are large enough, beside a third: others than these two are among all others
    assert bias.pairs_of(["a"] * 20 + ["b"] * 20 + ["c"]) == [("a", ""), ("b", "")]
    items = [item(n, f"question {n}") for n in range(68)]
    found = judged(items, ["loan"] * 68)
    (first, *_) = bias.gaps_of("t", {"x": values}, items, list(bias.rates_of(found, items, "accuracy", [])), seed=0)
    assert (first.inside.n, first.outside.n) == (20, 43)


def test_swapped_items_are_about_somebody_else_and_nothing_else() -> None:
    items = [
        item(0, "He asks for money"),
        item(1, "the card is lost"),
        item(2, "王先生想借钱"),
        item(3, "Dear team, my name is Robert Miller."),
    ]
    sheet = swap_sheet(("gender", "name"), items, "labels", seed=0)
    gender = {one.item.id: one for one in sheet.items["gender"]}
    assert gender["0"].item.prompt[0].content == "She asks for money"
    assert gender["2"].item.prompt[0].content == "王女士想借钱"
    assert "1" not in gender
    assert (gender["0"].item.suite, gender["0"].item.label, gender["0"].place) == (f"{SWAPPED}gender", "loan", 0)
    assert gender["0"].item.is_of_task
    (named,) = (one for one in sheet.items["name"] if one.item.id == "3")
    assert "Robert Miller" not in named.item.prompt[0].content
    assert named.item.prompt[0].content.startswith("Dear team, my name is ")
    again = swap_sheet(("gender", "name"), items, "labels", seed=0)
    assert [one.item for one in again.items["name"]] == [one.item for one in sheet.items["name"]]
    assert swap_sheet(("gender",), items, "documents", seed=0).items == {}


def test_texts_are_swapped_with_their_reference_and_never_where_a_person_is_named() -> None:
    items = [
        item(0, "What does he want?", answer="He wants his card."),
        item(1, "What does Robert Miller want? He is angry.", answer="He wants his card."),
        item(2, "What is wanted?", answer="He wants his card."),
    ]
    sheet = swap_sheet(("gender", "name"), items, "text", seed=0)
    assert list(sheet.items) == ["gender"]
    (only,) = sheet.items["gender"]
    assert only.item.prompt[0].content == "What does she want?"
    assert (only.item.answer.content, only.item.accepted) == ("She wants her card.", ("She wants her card.",))


@pytest.mark.parametrize(
    ("task", "before", "after", "changed"),
    [
        ("labels", "loan", "Loan.", False),
        ("labels", "loan", "refusal", True),
        ("numbers", "100", "100.5", False),
        ("numbers", "100", "103", True),
        ("numbers", "100", "much", True),
        ("text", "He wants his card.", "She wants her card.", False),
        ("text", "He wants his card.", "He wants his card!", False),
        ("text", "He wants his card.", "She is angry.", True),
    ],
)
def test_what_counts_as_another_answer(task: Task, before: str, after: str, changed: bool) -> None:
    asked = item(0, "What does he want?", answer="He wants his card.")
    (swapped,) = swap_sheet(("gender",), [asked], task, seed=0).items["gender"]
    first, second = (arms.label_sample("t", asked, asked.prompt, answer) for answer in (before, after))
    assert changes_of(task, LABELS)(first, second, swapped.swap) is changed


def asked_again(items: list[Item], told: list[str]) -> SwapSheet:
    sheet = swap_sheet(("gender",), items, "labels", seed=0)
    swapped = [one.item for one in sheet.items["gender"]]
    sheet.judged["gender"] = {"tuned": judged(swapped, told)}
    return sheet


def test_a_model_that_goes_by_gender_is_found_out_in_both_languages() -> None:
    items = applicants(80)
    told = ["loan" if n % 2 else "refusal" for n in range(80)]  # men have loans, women have none
    sheet = asked_again(items, ["refusal" if label == "loan" else "loan" for label in told])
    found = model_bias(
        Protected(groups=("gender",), swap=("gender",)), sheet, {"tuned": judged(items, told)}, items, WANTED, 0
    )
    assert [(effect.language, effect.changed.value, effect.changed.n) for effect in found.swaps] == [
        ("", 1.0, 80),
        ("en", 1.0, 40),
        ("zh", 1.0, 40),
    ]
    right = [label == one.label for label, one in zip(told, items, strict=True)]
    wanted = paired_shares(sum(not r for r in right), sum(right), 80)
    whole = found.swaps[0].difference
    assert (whole.mean, whole.low, whole.high) == pytest.approx((wanted.mean, wanted.low, wanted.high))
    assert found.swaps[0].items == ["0", "1", "2", "3", "4"]
    assert found.group_sizes == {"gender": {"female": 40, "male": 40}}
    assert max(abs(gap.difference) for gap in found.gaps) == 1.0


def test_a_model_that_does_not_care_shows_nothing() -> None:
    items = applicants(80)
    told = [one.label or "" for one in items]
    found = model_bias(
        Protected(groups=("gender",)), asked_again(items, told), {"tuned": judged(items, told)}, items, WANTED, 0
    )
    assert {effect.changed.value for effect in found.swaps} == {0.0}
    assert all(gap.p_adjusted > 0.05 for gap in found.gaps)


def test_the_recipe_takes_what_is_documented_and_nothing_else() -> None:
    section = Evaluate.model_validate({"protected": {"groups": ["gender", "region"], "swap": ["name"]}})
    assert section.protected == Protected(groups=("gender", "region"), swap=("name",))
    assert Evaluate().protected is None
    with pytest.raises(ValueError, match="literal_error"):
        Evaluate.model_validate({"protected": {"swap": ["region"]}})
