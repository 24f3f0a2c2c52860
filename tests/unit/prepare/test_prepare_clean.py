from __future__ import annotations

import math
import pickle
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from tunesmith.errors import Place, TunesmithError
from tunesmith.i18n import translate
from tunesmith.prepare.checks import run_checks
from tunesmith.prepare.clean import cleaners, fill_missing, filters, repetition_share
from tunesmith.prepare.diff import diff_rows
from tunesmith.prepare.rows import Refused
from tunesmith.recipe import load_recipe
from tunesmith.recipe.prepare import Clean
from tunesmith.records import Example, Message, Rejected

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / language / "how-to" / "clean-rows.md" for language in ("en", "zh")]


def row(asked: str, answered: str = "A plain answer.", **fields: Any) -> Example:
    return Example("", (Message("user", asked), Message("assistant", answered)), Place("file", 3), **fields)


def clean(**section: Any) -> Clean:
    return Clean.model_validate(section)


def cleaned(example: Example, **section: Any) -> Example:
    outcome = run_checks(example, cleaners(clean(**section)))
    assert isinstance(outcome, Example)
    return outcome


def filtered(example: Example, **section: Any) -> str:
    """The reason and detail of a rejection, or the codes of a row that passed."""
    outcome = run_checks(example, filters(clean(**section)))
    return f"{outcome.reason} {outcome.detail}" if isinstance(outcome, Rejected) else " ".join(outcome.changes)


def test_a_sound_row_is_passed_on_as_it_is() -> None:
    sound = row("请问 1,234 元 ＡＢＣ <b>x</b>……  \n\n\n")
    assert cleaned(sound) is sound
    assert filters(clean()) == ()
    assert cleaners(clean(repair=False)) == ()


def test_every_change_leaves_its_code_once_in_the_order_of_the_rules() -> None:
    dirty = row("CafÃ©\r\n<b>ＡＢＣ</b>  \n\n\nBad\x00\u200b 1.5亿", "CafÃ©", changes=("before",))
    after = cleaned(dirty, rewrite=["numbers", "white-space", "markup", "full-width"])
    assert [message.content for message in after.messages] == ["Café\nABC\n\nBad 150000000", "Café"]
    names = ("mojibake", "line-ends", "control", "zero-width", "markup", "full-width", "white-space", "numbers")
    assert after.changes == ("before", *(f"clean.{name}" for name in names))
    for name in (*names, "language-tag", "filled"):
        assert all(translate(f"change.clean.{name}", language) for language in ("en", "zh"))


def test_every_text_of_a_row_is_cleaned() -> None:
    thinking = Message("assistant", "fine", reasoning="a\u200bb", weight=0.5)
    example = row("ok", "lost\u200b card", label="lost\u200b card", rejected=Message("assistant", "no\x00"))
    example = replace(
        example, messages=(Message("system", "be\u200b kind"), example.messages[0], thinking, *example.messages)
    )
    after = cleaned(example)
    assert [message.content for message in after.messages] == ["be kind", "ok", "fine", "ok", "lost card"]
    assert after.messages[2] == replace(thinking, reasoning="ab")
    assert (after.label, after.rejected) == ("lost card", Message("assistant", "no"))
    assert after.changes == ("clean.zero-width", "clean.control")


def test_length() -> None:
    example = replace(row("12345", "12"), messages=(Message("system", "x" * 50), *row(" 12345 ", "12").messages))
    assert filtered(example, prompt_characters={"min": 5, "max": 5}, answer_characters={"min": 2, "max": 2}) == ""
    assert filtered(example, prompt_characters={"min": 6}) == "too-short prompt: 5 < 6"
    assert filtered(example, prompt_characters={"max": 4}) == "too-long-text prompt: 5 > 4"
    assert filtered(example, answer_characters={"min": 3}) == "too-short answer: 2 < 3"
    assert filtered(example, answer_characters={"max": 1}) == "too-long-text answer: 2 > 1"


def repeated_characters(units: list[str]) -> float:
    """The definition, position by position: a unit counts when some run of ten over it stood further left."""
    runs = [tuple(units[start : start + 10]) for start in range(len(units) - 9)]
    again = {start + step for start, run in enumerate(runs) if run in runs[:start] for step in range(10)}
    return sum(len(units[place]) for place in again) / sum(map(len, units))


def test_repetition_is_the_share_of_characters_in_runs_that_were_there_before() -> None:
    sentence = "the quick brown fox jumps over the lazy dog while nobody looks"
    chinese = "今天天气很好我们一起去公园散步"
    assert repetition_share(sentence) == repetition_share(chinese) == repetition_share("") == 0.0
    assert repetition_share(f"{sentence}. {sentence}!") == 0.5
    assert repetition_share(f"{chinese}，{chinese}。") == 0.5
    loop = "no " * 40
    assert repetition_share(loop) == repeated_characters(loop.split()) > 0.9
    mixed = f"{sentence} and then {sentence} but {sentence[:40]} again"
    assert repetition_share(mixed) == pytest.approx(repeated_characters(mixed.split()))


def test_rows_that_repeat_themselves_are_rejected_with_the_place() -> None:
    looping = row("why?", "fine")
    looping = replace(looping, messages=(looping.messages[0], replace(looping.answer, reasoning="等等，再想想。" * 20)))
    outcome = run_checks(looping, filters(clean(max_repetition=0.5)))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.place) == ("repetitive", Place("file", 3, field="messages[1]"))
    assert filtered(looping, max_repetition=1.0) == ""


def test_languages() -> None:
    german = "Wo ist meine Karte? Ich habe sie gestern verloren."
    assert filtered(row("Where is my card?"), languages=["en"]) == ""
    assert filtered(row("我的银行卡在哪里？", "请稍等。"), languages=["zh"]) == ""
    assert filtered(row("我的银行卡在哪里？", "请稍等。"), languages=["en"]) == "wrong-language user: zh"
    assert filtered(row("Where is my card?", german), languages=["en", "zh"]) == "wrong-language assistant: other"
    assert filtered(row("我的银行卡在哪里？", "lost_card", label="lost_card"), languages=["zh"]) == ""
    assert filtered(row("2 + 2 = ?", "4"), languages=["en"]) == ""
    assert filtered(row("怎么打印？", "这样：\n```python\nprint('x', 'y', 'z')\n```"), languages=["zh"]) == ""


def test_mixed_share() -> None:
    mixed = row("Please explain 量化 and 剪枝 to me")  # 4 of 9
    assert filtered(mixed, max_mixed_share=0.45) == ""
    assert filtered(mixed, max_mixed_share=0.4) == "wrong-language user: 0.44 > 0.4"
    assert filtered(row("只有中文", "好"), max_mixed_share=0.0) == ""


def test_language_tags() -> None:
    tagged = run_checks(row("Where is it?"), filters(clean(language_tag=True)))
    assert isinstance(tagged, Example)
    assert (tagged.messages[0].content, tagged.changes) == ("[EN] Where is it?", ("clean.language-tag",))
    again = run_checks(tagged, filters(clean(language_tag=True)))
    assert again is tagged
    assert filtered(row("在哪里？"), language_tag=True) == "clean.language-tag"
    assert filtered(row("Wo ist meine Karte, bitte schön?"), language_tag=True) == ""


TASK = ["How do I block my bank card?", "My card was stolen, what now?", "银行卡丢了怎么办？", "怎样挂失银行卡？"]


def similarity(text: str, examples: list[str]) -> float:
    """Cosine to the nearest example, written out: (1 + ln count) (1 + ln (1 + E) / (1 + E with it)) per n-gram."""

    def grams(of: str) -> Counter[str]:
        words = [f" {word} " for word in of.lower().split()]
        return Counter(word[at : at + n] for word in words for n in (2, 3, 4) for at in range(len(word) - n + 1))

    num_with = Counter(gram for example in examples for gram in grams(example))

    def vector(of: str) -> dict[str, float]:
        weights = {
            gram: (1 + math.log(count)) * (1 + math.log((1 + len(examples)) / (1 + num_with[gram])))
            for gram, count in grams(of).items()
        }
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        return {gram: weight / norm for gram, weight in weights.items()}

    asked = vector(text)
    return max(sum(weight * asked.get(gram, 0.0) for gram, weight in vector(example).items()) for example in examples)


def test_relevance_is_the_cosine_to_the_nearest_example(tmp_path: Path) -> None:
    file = tmp_path / "task.txt"
    file.write_text("\ufeff" + "\n\n".join(TASK) + "\n", encoding="utf-8")
    for text in ("Block the card please", "我的银行卡不见了", "Write a poem about the sea", TASK[1]):
        expected = similarity(text, TASK)
        relevance = {"examples": str(file), "threshold": 0.2}
        found = filtered(row(text), relevance=relevance)
        assert found == ("" if expected >= 0.2 else f"off-task {expected:.3f} < 0.2")
    assert filtered(row("写一首关于大海的诗"), relevance=relevance).startswith("off-task")
    assert filtered(row("我的银行卡丢了"), relevance=relevance) == ""


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\xff"])
def test_examples_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "task.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TunesmithError) as raised:
        filters(clean(relevance={"examples": str(file), "threshold": 0.2}))
    assert (raised.value.code, raised.value.place) == ("examples-unreadable", Place(str(file)))
    assert raised.value.message("zh")


def test_missing_values() -> None:
    section = clean(fill={"city": "unknown", "answer": "none"}, require=["name", "reply"])
    columns = {"answer": "reply"}
    whole = {"name": "Li", "city": "Xi'an", "reply": 0}
    assert fill_missing(whole, section, columns) == (whole, ())
    assert fill_missing({"name": "Li", "reply": " \n"}, section, columns) == (
        {"name": "Li", "reply": "none", "city": "unknown"},
        ("clean.filled",),
    )
    with pytest.raises(Refused) as raised:
        fill_missing({"name": None, "reply": "x", "city": "y"}, section, columns)
    assert (raised.value.reason, raised.value.field) == ("missing-value", "name")
    assert fill_missing({}, clean(), {}) == ({}, ())


def test_lengths_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: a\nprepare: {sources: x, clean: {answer_characters: {min: 5, max: 3}}}\n", encoding="utf-8")
    with pytest.raises(TunesmithError) as raised:
        load_recipe(file)
    assert "`prepare.clean.answer_characters.max`: must be at least 5" in raised.value.message()


def yaml_blocks(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


ON_THE_PAGE = {
    "repaired": [(row("<b>ＣａｆÃ©</b> 1.5亿 "), "mojibake"), (row("1.5亿"), "numbers")],
    "filled": [(row("x"), "")],
    "measured": [(row("ab"), "too-short"), (row("long enough", "x"), "too-short"), (row("no " * 50), "repetitive")],
    "two-languages": [(row("Hello there"), "language-tag"), (row("Где моя карта?"), "wrong-language")],
    "on-task": [(row(TASK[0]), ""), (row("Write a poem about the sea"), "off-task")],
}


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_the_recipes_of_the_page_do_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("task.txt").write_text("\n".join(TASK), encoding="utf-8")
    shown: set[str] = set()
    for block in yaml_blocks(page):
        Path("recipe.yaml").write_text(block, encoding="utf-8")
        recipe = load_recipe(Path("recipe.yaml"))
        section = recipe.prepare.clean
        shown |= section.model_fields_set
        checks = pickle.loads(pickle.dumps((*cleaners(section), *filters(section))))
        for example, expected in ON_THE_PAGE[recipe.name]:
            outcome = run_checks(example, checks)
            found = outcome.reason if isinstance(outcome, Rejected) else " ".join(outcome.changes)
            assert expected in found if expected else not found, recipe.name
    assert shown == set(Clean.model_fields)
    assert len(yaml_blocks(page)) == len(ON_THE_PAGE)
    for code in re.findall(
        r"`(too-[a-z-]+|repetitive|wrong-language|off-task|missing-value)`", page.read_text("utf-8")
    ):
        assert translate(f"reject.{code}")


@pytest.mark.thorough
def test_the_stage_loads_and_checks_work_in_another_process_without_heavy_libraries(tmp_path: Path) -> None:
    section = clean(rewrite=["markup", "numbers"], max_repetition=0.9, languages=["en", "zh"], language_tag=True)
    sent = tmp_path / "checks.pickle"
    sent.write_bytes(pickle.dumps((row("My <b>card</b> has 1,234 points"), (*cleaners(section), *filters(section)))))
    code = (
        "import pickle, sys, tunesmith.prepare; from tunesmith.prepare.checks import run_checks\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'datasets', 'polars'}\n"
        "print(heavy & set(sys.modules))\n"
        "example, checks = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(run_checks(example, checks).messages[0].content, heavy & set(sys.modules))"
    )
    result = run([sys.executable, "-c", code, str(sent)], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n[EN] My card has 1234 points set()\n"


def test_diff() -> None:
    before = row("我的ｉＰｈｏｎｅ坏了，" + "请帮我看看。" * 9 + "a\u200bb", "same", label="x")
    assert diff_rows(before, before) == []
    after = cleaned(before, rewrite=["full-width"])
    assert diff_rows(before, after) == [
        "@@ messages[0] user @@",
        "-我的ｉＰｈｏｎｅ坏了，请帮我看看…",
        "+我的iPhone坏了，请帮我看看…",
        "-…看。请帮我看看。a\\u200bb",
        "+…看。请帮我看看。ab",
    ]
    added = replace(before, messages=(Message("system", "kind"), *before.messages), label="y")
    lines = diff_rows(before, added)
    assert lines[0] == "@@ messages[0] user -> system @@"
    assert lines[-3:] == ["@@ label @@", "-x", "+y"]
    thinking = replace(before, messages=(before.messages[0], replace(before.answer, reasoning="why")))
    assert diff_rows(before, thinking) == ["@@ messages[1] assistant reasoning @@", "-", "+why"]
