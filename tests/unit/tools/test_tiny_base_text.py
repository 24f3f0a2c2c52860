"""The text of the embedded base: deterministic, its sums and answers right, its wordings apart from the suite."""

from __future__ import annotations

import operator
import re
from collections import Counter
from functools import reduce
from pathlib import Path
from random import Random

import pytest

from tools.tiny_base import (
    calendar_skills,
    comparing,
    corpus,
    facts,
    numbers,
    prose,
    relations,
    skills,
    suite,
    words,
)
from tools.tiny_base.patterns import LANGUAGES, Language, Split, fill, is_held_out

ROOT = Path(__file__).parents[3]


def test_same_seed_gives_same_text_and_another_seed_other_text() -> None:
    assert list(corpus.conversations(3, 50)) == list(corpus.conversations(3, 80))[:50]
    assert list(corpus.conversations(3, 50)) != list(corpus.conversations(4, 50))
    assert list(corpus.documents(3, 50)) == list(corpus.documents(3, 80))[:50]
    assert list(corpus.documents(3, 50)) != list(corpus.documents(4, 50))


def written_digits(steps: str) -> int:
    """The number that the columns of a written sum make, read without its last sentence."""
    columns = re.split(r", |，|,", re.split(r"[.。]", steps)[0])
    totals = [int(re.findall(r"\d+", re.split(r"carry|borrow|进|借", column)[0])[-1]) for column in columns]
    units = [total % 10 for total in totals[:-1]] + [totals[-1]]
    return sum(unit * 10**place for place, unit in enumerate(units))


OPERATORS = {"+": operator.add, "-": operator.sub, "x": operator.mul, "×": operator.mul}


def worked_out(sum_: str) -> int:
    """Numbers joined by signs of one kind, from left to right."""
    (sign,) = set(re.findall(r"\D", sum_))
    return reduce(OPERATORS[sign], map(int, sum_.split(sign)))


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
def test_sums_are_right_and_their_written_steps_lead_there(language: Language) -> None:
    rng = Random(1)
    for _ in range(2000):
        a, b = rng.randrange(2, 1000), rng.randrange(2, 1000)
        low, high = sorted((a, b))
        small = rng.randrange(2, 10)
        for steps, result in (
            (numbers.add_steps(low // 2, high // 2, language), low // 2 + high // 2),
            (numbers.subtract_steps(high, low, language), high - low),
            (numbers.multiply_steps(a % 100 + 2, small, language), (a % 100 + 2) * small),
        ):
            assert int(re.findall(r"\d+", steps)[-1]) == result
            for left, right in re.findall(r"(\d+(?:[-+x×]\d+)+)=(\d+)", steps):
                assert worked_out(left) == int(right), steps
        assert written_digits(numbers.add_steps(low // 2, high // 2, language)) == low // 2 + high // 2
        assert written_digits(numbers.subtract_steps(high, low, language)) == high - low


LOWER = re.compile(r"smaller|less|cheaper|fewer|lighter|poorer|younger|小|少|轻|便宜")


def test_questions_for_the_lower_number_ask_for_it() -> None:
    tables = (
        comparing.NUMBER_QUESTIONS,
        comparing.STORIES,
        comparing.PRICE_QUESTIONS,
        comparing.SIZE_QUESTIONS,
    )
    for table in tables:
        for (_, is_more), wording in table.items():
            for pattern in wording.train + wording.suite:
                is_lower = LOWER.search(pattern) is not None
                if "born" in pattern:  # who was born later is younger
                    is_lower = not is_lower
                assert is_lower != is_more, pattern


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", ["train", "suite"])
def test_answers_of_comparisons_are_right(language: Language, split: Split) -> None:
    rng = Random(4)
    for _ in range(500):
        turn = comparing.number_pair(rng, language, split)
        numbers_asked = [int(number) for number in re.findall(r"\d+", turn.prompt)]
        wanted = min(numbers_asked) if LOWER.search(turn.prompt) else max(numbers_asked)
        assert turn.answer == str(wanted)
    for maker in (comparing.story, comparing.price):
        for _ in range(500):
            turn = maker(rng, language, split)
            rows = {turn.reasoning.split("." if language == "en" else "。")[0]}
            (x, a), (y, b) = re.findall(r"([^,，]+?) ?(\d+)", rows.pop())
            is_lower = ("lower" if language == "en" else "要小") in turn.reasoning
            wanted_name = x if (int(a) < int(b)) == is_lower else y
            assert turn.answer.lower() == wanted_name.strip().lower()
            assert turn.answer.removeprefix("the ") in turn.prompt


def test_order_of_three_follows_from_the_sentences() -> None:
    rng = Random(2)
    splits: tuple[Split, ...] = ("train", "suite")
    for split in splits:
        for _ in range(500):
            turn = comparing.order_of_three(rng, "en", split)
            above = {
                (a, b) if more in MORE else (b, a)
                for a, more, b in re.findall(r"(\w+) is (\w+) than (\w+)", turn.prompt)
            }
            superlative = re.search(r"(\w+est)\b", turn.prompt)
            assert superlative is not None
            lowest_wanted = superlative[1] not in MOST
            if "who is" not in turn.prompt.split("?")[0] or split == "train":
                people = {name for pair in above for name in pair}
                assert len(people) == 3
                worse = {b for _, b in above} if not lowest_wanted else {a for a, _ in above}
                assert people - worse == {turn.answer}, turn


MORE = {scale.more for scale in comparing.SCALES["en"]}
MOST = {scale.most for scale in comparing.SCALES["en"]}


def test_days_and_months_are_counted_right() -> None:
    rng = Random(3)
    for maker, cycle, sign in (
        (calendar_skills.day_after, calendar_skills.DAYS, 1),
        (calendar_skills.day_before, calendar_skills.DAYS, -1),
        (calendar_skills.month_after, calendar_skills.MONTHS, 1),
    ):
        for language in LANGUAGES:
            for _ in range(200):
                turn = maker(rng, language, "train")
                names = cycle[language]
                start = max((name for name in names if name in turn.prompt), key=len)
                num_steps = int(re.findall(r"\d+", turn.prompt)[0])
                assert names[(names.index(start) + sign * num_steps) % len(names)] == turn.answer


@pytest.mark.thorough
def test_every_fact_has_one_answer_for_its_question() -> None:
    """Two facts that word the same question must agree, or the base is taught to guess."""
    for language in LANGUAGES:
        answers: dict[str, set[str]] = {}
        for fact in facts.all_facts(language):
            for pattern in fact.relation.questions.train + fact.relation.questions.suite:
                question = fill(re.sub(r"\[([^|\]]*)[^\]]*\]", r"\1", pattern), Random(0), fact.slots)
                answers.setdefault(question, set()).add(fact.answer)
        clashes = {question: found for question, found in answers.items() if len(found) > 1}
        assert not clashes, clashes


def test_every_relation_has_enough_phrasings_and_none_is_shared() -> None:
    tables = [relation.questions for language in LANGUAGES for relation in relations.RELATIONS[language]]
    tables += [wording for translation in relations.TRANSLATION.values() for wording in translation.questions.values()]
    for table in (
        numbers.ADD,
        numbers.SUBTRACT,
        numbers.MULTIPLY,
        comparing.ORDER,
        words.COUNT,
        calendar_skills.DAY_AFTER,
    ):
        tables += table.values()
    for wording in tables:
        assert len(set(wording.train)) >= 8, wording.train[0]
        assert len(wording.suite) >= 2
        assert not set(wording.train) & set(wording.suite)


def test_suite_has_enough_items() -> None:
    counts = Counter(item.language for item in suite.items())
    assert min(counts.values()) >= 300
    assert {item.skill for item in suite.items()} == set(skills.SKILLS)
    assert (
        len({item.id for item in suite.items()}) == len({item.prompt for item in suite.items()}) == len(suite.items())
    )


def test_suite_uses_held_out_numbers() -> None:
    for item in suite.items():
        if item.skill == "arithmetic":
            a, b = sorted(int(number) for number in re.findall(r"\d+", item.prompt))
            assert any(is_held_out(operation, a, b) for operation in "+-x"), item.prompt


def test_patterns_of_prose_name_only_slots_that_exist() -> None:
    for language in LANGUAGES:
        known = {"my", "act", "fault", "why", "end", "thing", "x", *prose.SENTENCES[language]}
        patterns = [
            *prose.PARAGRAPHS[language],
            *(line for block in prose.SENTENCES[language].values() for line in block),
        ]
        assert {slot for pattern in patterns for slot in re.findall(r"\{(?:\w+=)?(\w+)\}", pattern)} <= known
