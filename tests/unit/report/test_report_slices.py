"""Slices in the report: headings, figures, and what to do, in both languages."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tunesmith.artifacts.mistakes import Remedy
from tunesmith.artifacts.scorecard import Arm, Estimate, ScorecardBody, WeakSlice
from tunesmith.metrics.wording import Language, Words
from tunesmith.recipe import load_recipe
from tunesmith.report.slices import slice_tables, weak_slice_views


def body() -> ScorecardBody:
    low, high = Estimate(value=0.25, low=0.1, high=0.4, n=40), Estimate(value=0.9, low=0.85, high=0.94, n=160)
    fixes = {
        "label": [
            Remedy(action="augment", override='prepare.augment.methods=[{name: synonyms, labels: ["card_lost"]}]'),
            Remedy(action="balance", override="prepare.balance={by: label, method: over}"),
        ],
        "language": [Remedy(action="augment", override="prepare.augment.methods=[{name: synonyms, languages: [zh]}]")],
    }
    slices = [
        WeakSlice(
            kind=kind,
            value=value,
            inside=low,
            outside=high,
            p_value=0.004,
            num_train_rows=rows,
            num_wanted_rows=36,
            wanted_by=why,
            remedies=fixes.get(kind, []),
            worst=["a"],
        )
        for kind, value, rows, why in (
            ("phrase", "my card", 12, "curve"),
            ("label", "card_lost", 8, "median"),
            ("language", "zh", 0, "share"),
            ("channel", "phone", 0, "share"),
        )
    ]
    return ScorecardBody(
        task="labels",
        metric="accuracy",
        num_items={"test": 200},
        arms=[Arm(name=name, metrics={}, seconds=1.0) for name in ("base", "tuned")],
        differences=[],
        forgetting=[],
        verdicts=[],
        max_loss=0.05,
        slices={"length": {"3-9": {"base": low, "tuned": high}}, "channel": {"phone": {"tuned": high}}},
        weak_slices=slices,
    )


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["with “my card”", "whose label is card_lost", "in Chinese", "whose channel is phone"]),
        ("zh", ["含有“my card”", "标签为 card_lost", "语言为中文", "channel 为 phone"]),
    ],
)
def test_weak_slices_are_named_with_what_to_do(language: Language, names: list[str], tmp_path: Path) -> None:
    found = weak_slice_views(body(), Words(language))
    assert [slice.name for slice in found] == names
    assert [(slice.inside.value, slice.outside.value, slice.num_items) for slice in found] == [
        ("0.250", "0.900", "40")
    ] * 4
    assert all("36" in slice.advice for slice in found)
    assert ["12" in found[0].advice, "8" in found[1].advice] == [True, True]
    assert [len(slice.remedies) for slice in found] == [0, 2, 1, 0]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: a\nprepare: {sources: rows.csv}\n", encoding="utf-8")
    for slice in found[1:3]:
        (override,) = shlex.split(slice.remedies[0][1])  # as a shell hands it on
        augment = load_recipe(recipe, [override]).prepare.augment
        assert augment is not None
        (method,) = augment.methods
        assert (method.labels or method.languages) in (("card_lost",), ("zh",))


def test_a_way_to_divide_is_a_table_of_its_own() -> None:
    length, channel = slice_tables(body(), Words("en"))
    assert (length.name, channel.name) == ("By characters of the question", "By channel")
    assert length.rows[0][0] == "3-9 (160 items)"
    assert [cell.value for cell in length.rows[0][1] if cell] == ["0.250", "0.900"]
    assert channel.arms == ("Tuned model",)
