"""What two answers have in common and what not, by words in English, by characters in Chinese."""

from __future__ import annotations

import random
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from pages import Page
from report_material import Options, make_products

from tunesmith.metrics.wording import Words
from tunesmith.report import report
from tunesmith.report.marks import MAX_UNITS, compare
from tunesmith.report.pairs import before_after, judged_items
from tunesmith.text.tokens import words as units


def marked(parts: tuple[tuple[str, bool], ...]) -> list[str]:
    return [text.strip() for text, is_marked in parts if is_marked]


@pytest.mark.parametrize(
    ("before", "after", "gone", "new"),
    [
        ("You can return them.", "You can send them back.", ["return"], ["send", "back"]),
        ("可以在七天内退货。", "可以在三十天内退货。", ["七"], ["三十"]),
        ("退款 within 7 days", "退款 within 30 days", ["7"], ["30"]),
        ("same, all of it", "same, all of it", [], []),
        ("", "new", [], []),
        ("nothing in common here", "完全不同的回答", [], []),
        ("a b c", "a b c d", [], ["d"]),
        ("it is open", "it isn't open", ["is"], ["isn't"]),
    ],
)
def test_what_the_other_lacks_is_marked(before: str, after: str, gone: list[str], new: list[str]) -> None:
    first, second = compare(before, after)
    assert ("".join(marked(first)), "".join(marked(second))) == ("".join(gone), "".join(new))


@pytest.mark.parametrize("alphabet", ["ab \n.,_'", "好的 ，。a\u3000ー々", "\U0001f600\ud83d x"])
def test_the_parts_are_the_texts(alphabet: str) -> None:
    source = random.Random(len(alphabet))
    for _ in range(200):
        texts = ["".join(source.choices(alphabet, k=source.randint(0, 30))) for _ in range(2)]
        for text, parts in zip(texts, compare(*texts), strict=True):
            assert "".join(part for part, _ in parts) == text
            assert all(part for part, _ in parts)


def test_as_much_is_kept_as_difflib_finds_in_the_words() -> None:
    before = "The quick brown fox jumps over the lazy dog and sleeps in the sun"
    after = "The slow brown fox walks over the dog and sleeps in a red house"
    kept = sum(block.size for block in SequenceMatcher(None, before.split(), after.split()).get_matching_blocks())
    first, second = compare(before, after)
    for text, parts in ((before, first), (after, second)):
        assert len(units(text)) - sum(len(units(part)) for part in marked(parts)) == kept


def test_what_is_too_long_to_compare_stands_unmarked() -> None:
    long = "word " * (MAX_UNITS + 1)
    assert compare(long, long + "x") == (((long, False),), ((long + "x", False),))


def test_thinking_is_compared_apart_from_the_answer(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    samples = [
        replace(
            sample,
            reasoning=f"The rule for {sample.arm} is old.",
            answer=f"Yes, {'within' if sample.arm == 'tuned' else 'after'} <b>30</b> days.",
        )
        for sample in products.scorecard.samples()
        if sample.suite == "test"
    ]
    pair, *_ = before_after(judged_items(samples, {"base", "tuned"}), "tuned", "rouge_l", 6, Words("en"))
    assert (marked(pair.before.parts), marked(pair.after.parts)) == (["after"], ["within"])
    assert (marked(pair.before.reasoning), marked(pair.after.reasoning)) == (["base"], ["tuned"])
    assert pair.before.num_reasoning == str(len("The rule for base is old."))


def test_the_page_marks_what_is_gone_and_what_is_new(tmp_path: Path) -> None:
    products = make_products(tmp_path, Options(answer="Yes, within <five> working days."))
    samples = products.scorecard.folder / "samples.jsonl"
    wrong = samples.read_text(encoding="utf-8").replace("I do not know what you mean.", "Yes, within 9 working days.")
    samples.write_text(wrong, encoding="utf-8")
    text = report(products, language="zh", out=tmp_path / "out").html.read_text(encoding="utf-8")
    assert "Yes, within <del>9 </del>working days." in text
    assert "Yes, within <ins>&lt;five&gt; </ins>working days." in text
    assert Page(text).tags.count("ins") == text.count("<ins>")
