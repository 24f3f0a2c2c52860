"""The safety suite: balanced, of its own, asked of nobody who was taught it; and what is made of the answers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tunesmith.errors import Place
from tunesmith.evaluate import arms, safety, summary
from tunesmith.evaluate.items import Item, general_items
from tunesmith.recipe import Evaluate
from tunesmith.records import Completion, Example, Message, Sampling
from tunesmith.stats.paired import paired_shares
from tunesmith.text.language import language_of
from tunesmith.text.normalise import fingerprint

ROOT = Path(__file__).parents[3]
ITEMS = safety.safety_items()
KINDS = ["weapons", "drugs", "fraud", "privacy", "self_harm", "hate", "malware", "overreach"]
SAID_BY_ALL = set("的了我你他她它怎么样教帮给写告诉在和把是有不会要能用去什哪里些个一，。？")
SAID_BY_MANY = {
    "how",
    "the",
    "and",
    "that",
    "what",
    "with",
    "for",
    "from",
    "can",
    "does",
    "which",
    "who",
    "them",
    "tell",
}


def asked(item: Item) -> str:
    return item.prompt[0].content


def test_every_kind_has_as_many_of_both_sorts_in_both_languages() -> None:
    counts = Counter((item.suite, item.kind, item.must_refuse) for item in ITEMS)
    assert counts == {(suite, kind, refuse): 8 for suite in safety.SUITES for kind in KINDS for refuse in (True, False)}
    assert [item for item in ITEMS if f"safety_{language_of(asked(item))}" != item.suite] == []
    assert len({item.id for item in ITEMS}) == len({fingerprint(asked(item)) for item in ITEMS}) == 256
    assert all(item.id.split("-")[1] == item.kind for item in ITEMS)


def test_look_alikes_share_words_with_what_is_disallowed() -> None:
    unlike = []
    for wrong, harmless in pairwise(ITEMS):
        if wrong.id.replace("refuse", "answer") == harmless.id:
            if wrong.language == "en":
                one, other = (set(re.findall(r"[a-z]{3,}", asked(item).lower())) for item in (wrong, harmless))
                shared = (one & other) - SAID_BY_MANY
            else:
                shared = (set(asked(wrong)) & set(asked(harmless))) - SAID_BY_ALL
            unlike += [] if shared else [wrong.id]
    assert unlike == []


def is_text(file: Path) -> bool:
    return file.is_file() and file.suffix != ".parquet"


@pytest.mark.thorough
def test_no_other_question_of_ours_is_in_the_suite() -> None:
    ours = {fingerprint(asked(item)) for item in ITEMS}
    assert ours.isdisjoint(fingerprint(asked(item)) for item in general_items())
    shown = [*ROOT.glob("docs/*/**/*.md"), *ROOT.glob("recipes/*"), *ROOT.glob("examples/*/*")]
    texts = [file.read_bytes().decode("utf-8", "replace") for file in shown if is_text(file)]
    assert len(texts) > 50
    assert [item.id for item in ITEMS if any(asked(item) in text for text in texts)] == []


def test_what_was_trained_on_is_not_asked() -> None:
    taught = [ITEMS[0], ITEMS[-1]]
    rows = [Example(item.id, (*item.prompt, Message("assistant", "No.")), Place("")) for item in taught]
    left = safety.unseen(ITEMS, rows)
    assert [item.id for item in ITEMS if item not in left] == [taught[0].id, taught[1].id]


@pytest.mark.parametrize(
    ("section", "is_asked"),
    [
        ({}, True),
        ({"general_suite": False}, False),
        ({"safety": {"suite": False}}, False),
        ({"general_suite": False, "safety": {"suite": True}}, True),
    ],
)
def test_it_is_asked_with_the_general_questions_unless_the_recipe_says(
    section: dict[str, object], is_asked: bool
) -> None:
    assert safety.is_asked(Evaluate.model_validate(section)) == is_asked


REFUSAL = {"safety_en": "I'm sorry, but I can't help with that.", "safety_zh": "抱歉，我不能帮助你。"}


def judged(suite: str, arm: str, refused: set[str], cut: set[str] = frozenset()) -> summary.Judged:  # type: ignore[assignment]
    """An arm that refuses these requests and answers the others; of some the thinking was cut."""
    samples = []
    for item in (one for one in ITEMS if one.suite == suite):
        text = REFUSAL[suite] if item.id in refused else "Well, it is done so." if item.id not in cut else ""
        message = Message("assistant", text, "hm" if item.id in cut else None)
        completion = Completion(text, message, 9, 9, "length" if item.id in cut else "stop")
        samples.append(arms.written_sample(arm, item, item.prompt, completion, prefilled=False))
    items = [item for item in ITEMS if item.suite == suite]
    return summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


def test_rates_and_changed_requests_are_those_of_the_answers() -> None:
    wrong = [item.id for item in ITEMS if item.suite == "safety_en" and item.must_refuse]
    harmless = [item.id for item in ITEMS if item.suite == "safety_en" and not item.must_refuse]
    before, after = {*wrong[:40], *harmless[:4]}, {*wrong[5:43], *harmless[:1]}
    both = {"base": judged("safety_en", "base", before), "tuned": judged("safety_en", "tuned", after, {wrong[60]})}
    by_arm = {arm: {"safety_en": found} for arm, found in both.items()}
    items = {"safety_en": [item for item in ITEMS if item.suite == "safety_en"]}
    refused, over = safety.changes(by_arm, items, ["tuned"], 0)
    assert (refused.change.before.value, refused.change.after.value) == (40 / 63, 38 / 63)
    expected = paired_shares(3, 5, 63)
    assert (refused.change.difference.mean, refused.change.difference.low) == pytest.approx(
        (expected.mean, expected.low)
    )
    assert (refused.change.worse, refused.change.better) == (wrong[:5], wrong[40:43])
    assert refused.num_unjudged == 1
    assert refused.kinds["weapons"].model_dump() == {"n": 8, "before": 8, "after": 3}
    assert refused.kinds["overreach"].n == 7
    assert over.change.metric == "over_refused"
    assert (over.change.worse, over.change.better) == ([], harmless[1:4])
    assert over.change.difference.mean == pytest.approx(-3 / 64)
    assert over.change.difference.p_adjusted is not None
    nobody = {"base": {"test": both["base"]}, "tuned": {"test": both["tuned"]}}
    assert safety.changes(nobody, {}, ["tuned"], 0) == []


def test_an_answer_is_judged_and_unended_thinking_is_not() -> None:
    item = ITEMS[0]
    told = [("I can't help with that.", "stop"), ("I can't help with", "length"), ("", "stop"), ("", "length")]
    found = [
        arms.written_sample(
            "base", item, item.prompt, Completion(text, Message("assistant", text), 1, 1, reason), prefilled=False
        ).scores
        for text, reason in told
    ]
    assert found == [{"refused": 1.0}, {"refused": 1.0}, {"refused": 0.0}, {}]
    assert arms.written_sample(
        "base",
        replace(item, must_refuse=False),
        item.prompt,
        Completion("I can't help with that.", Message("assistant", "I can't help with that."), 1, 1, "stop"),
        prefilled=False,
    ).scores == {"over_refused": 1.0}


def test_models_that_think_first_have_room_to() -> None:
    class Opens:
        prefilled = True

    class Plain:
        prefilled = False

    silent = Example("a", (Message("user", "q"), Message("assistant", "yes")), Place(""))
    thinking = replace(silent, messages=(silent.messages[0], Message("assistant", "yes", "hm")))
    cases = [(Plain, silent, 256), (Plain, thinking, 256), (Opens, silent, 2048), (Plain, thinking, 8)]
    rooms = [safety.num_new_tokens(chat(), [row], Sampling(max_new_tokens=room)) for chat, row, room in cases]  # type: ignore[arg-type]
    assert rooms == [32, 256, 512, 32]
