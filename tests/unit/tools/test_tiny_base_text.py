"""The text of the embedded base: deterministic, short, right, and apart from the suite and from banking77."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from functools import cache
from itertools import chain, islice
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
    topics,
    words,
)
from tools.tiny_base.patterns import LANGUAGES, Language, Split, fill, is_held_out

ROOT = Path(__file__).parents[3]
BANKING77 = ROOT.parent / "shared" / "data"
NUM_CONVERSATIONS, NUM_DOCUMENTS = 20_000, 5_000


@cache
def sample_conversations() -> list[corpus.Conversation]:
    return list(corpus.conversations(7, NUM_CONVERSATIONS))


@cache
def sample_documents() -> list[str]:
    return list(corpus.documents(7, NUM_DOCUMENTS))


@cache
def sample_texts() -> tuple[str, ...]:
    """Every text of the sample once."""
    parts = (
        part
        for talk in sample_conversations()
        for message in talk
        for part in (message["content"], message["reasoning"])
    )
    return tuple(dict.fromkeys([*parts, *sample_documents()]))


def is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def word_grams(text: str, num: int = 8) -> set[tuple[str, ...]]:
    """Word n-grams, lowercased and without punctuation; written apart from the code under test."""
    found = [re.sub(r"[^\w]", "", word) for word in text.lower().split()]
    found = [word for word in found if word]
    return set(zip(*(islice(found, start, None) for start in range(num)), strict=False))


def character_grams(text: str, num: int = 8) -> set[str]:
    found = "".join(character for character in text.lower() if character.isalnum())
    return {found[start : start + num] for start in range(len(found) - num + 1)}


def test_same_seed_gives_same_text_and_another_seed_other_text() -> None:
    assert list(corpus.conversations(3, 50)) == list(corpus.conversations(3, 80))[:50]
    assert list(corpus.conversations(3, 50)) != list(corpus.conversations(4, 50))
    assert list(corpus.documents(3, 50)) == list(corpus.documents(3, 80))[:50]
    assert list(corpus.documents(3, 50)) != list(corpus.documents(4, 50))


def test_conversations_have_the_promised_shape() -> None:
    counts: Counter[str] = Counter()
    for talk in sample_conversations():
        roles = [message["role"] for message in talk]
        counts["system"] += roles[0] == "system"
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        counts["more turns"] += len(turns) > 2
        counts["zh"] += talk[-1]["reasoning"].endswith("。")
        for message in talk:
            assert bool(message["reasoning"]) == (message["role"] == "assistant")
            assert message["content"] == message["content"].strip() != ""
            assert not re.search(r"[{}\[\]|]", message["content"] + message["reasoning"])
    for name, low, high in (("system", 0.08, 0.12), ("more turns", 0.08, 0.12), ("zh", 0.47, 0.53)):
        assert low < counts[name] / NUM_CONVERSATIONS < high, name


def test_reasoning_and_answers_are_short() -> None:
    for talk in sample_conversations():
        for message in talk:
            if message["role"] == "assistant":
                reasoning = message["reasoning"]
                low, high, num_units = (
                    (6, 80, len(reasoning)) if is_chinese(reasoning) else (3, 25, len(reasoning.split()))
                )
                assert low <= num_units <= high, reasoning
                assert len(message["content"]) <= 60, message["content"]


def test_documents_are_paragraphs_of_moderate_length() -> None:
    num_chinese = 0
    for text in sample_documents():
        assert not re.search(r"[{}\[\]|]", text), text
        if is_chinese(text):
            num_chinese += 1
            assert 40 <= len(text) <= 200, text
        else:
            assert 20 <= len(text.split()) <= 120, text
    assert 0.47 < num_chinese / NUM_DOCUMENTS < 0.53


def written_digits(steps: str) -> int:
    """The number that the columns of a written sum make, read without its last sentence."""
    columns = re.split(r", |，|,", re.split(r"[.。]", steps)[0])
    totals = [int(re.findall(r"\d+", re.split(r"carry|borrow|进|借", column)[0])[-1]) for column in columns]
    units = [total % 10 for total in totals[:-1]] + [totals[-1]]
    return sum(unit * 10**place for place, unit in enumerate(units))


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
                assert eval(left.replace("x", "*").replace("×", "*")) == int(right), steps
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


def test_vocabulary_is_wide() -> None:
    """Distinct words of the documents and conversations; Chinese counts the terms of the tables."""
    english = {word for text in sample_texts() for word in re.findall(r"[a-z]+", text.lower())}
    assert len(english) >= 2000, len(english)
    chinese = {text for fact in facts.all_facts("zh") for text in (fact.slots["s"], fact.slots["v"])}
    for topic in topics.topics("zh", "train"):
        chinese |= {phrase for values in topic.slots.values() for phrase in values}
    assert len(chinese) >= 1500, len(chinese)


def test_suite_has_enough_items_and_is_the_file_that_ships() -> None:
    counts = Counter(item.language for item in suite.items())
    assert min(counts.values()) >= 300
    assert {item.skill for item in suite.items()} == set(skills.SKILLS)
    assert (
        len({item.id for item in suite.items()}) == len({item.prompt for item in suite.items()}) == len(suite.items())
    )
    rows = [json.loads(line) for line in suite.PATH.read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["prompt"], row["answer"], tuple(row["aliases"])) for row in rows] == [
        (item.id, item.prompt, item.answer, item.aliases) for item in suite.items()
    ]


def test_no_gram_of_a_suite_prompt_occurs_in_the_text() -> None:
    english = {gram for item in suite.items() if item.language == "en" for gram in word_grams(item.prompt)}
    chinese = {gram for item in suite.items() if item.language == "zh" for gram in character_grams(item.prompt)}
    assert len(english) > 300
    assert len(chinese) > 1000
    for text in sample_texts():
        assert not english & word_grams(text), text
        assert not chinese & character_grams(text), text


def test_no_suite_prompt_is_asked_in_the_text() -> None:
    prompts = {re.sub(r"\W", "", item.prompt).lower() for item in suite.items()}
    for talk in sample_conversations():
        for message in talk:
            assert re.sub(r"\W", "", message["content"]).lower() not in prompts


def test_text_is_seldom_drawn_again() -> None:
    """What keeps suite and text apart is how they are made; drawing again is the exception."""
    rng = Random(5)
    for language in LANGUAGES:
        drawn = [corpus._conversation(rng, language) for _ in range(3000)]
        again = sum(any(corpus._is_held_out(message) for message in talk) for talk in drawn)
        assert again <= 15, (language, again)


def test_suite_uses_held_out_numbers() -> None:
    for item in suite.items():
        if item.skill == "arithmetic":
            a, b = sorted(int(number) for number in re.findall(r"\d+", item.prompt))
            assert any(is_held_out(operation, a, b) for operation in "+-x"), item.prompt


@cache
def banking77() -> tuple[set[str], set[tuple[str, ...]]]:
    """Label names, and 8-grams of the texts of both files."""
    if not (BANKING77 / "banking77_train.csv").is_file():
        pytest.skip(f"no banking77_train.csv in {BANKING77}, the folder of shared data beside the project")
    labels: set[str] = set()
    grams: set[tuple[str, ...]] = set()
    for name in ("banking77_train.csv", "banking77_test.csv"):
        with (BANKING77 / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                labels.add(row["category"].lower())
                grams |= word_grams(row["text"])
    return labels, grams


def test_no_banking77_label_occurs_in_the_text() -> None:
    labels, _ = banking77()
    assert len(labels) == 77
    names = sorted({name for label in labels for name in (label, label.replace("_", " "))})
    found = re.compile("|".join(map(re.escape, names)))
    for text in sample_texts():
        hit = found.search(text.lower())
        assert hit is None, (hit and hit[0], text)


def test_no_banking77_gram_occurs_in_the_text() -> None:
    _, grams = banking77()
    for text in sample_texts():
        common = grams & word_grams(text)
        assert not common, (common, text)


def test_patterns_of_prose_name_only_slots_that_exist() -> None:
    for language in LANGUAGES:
        known = {"my", "act", "fault", "why", "end", "thing", "x", *prose.SENTENCES[language]}
        patterns = [
            *prose.PARAGRAPHS[language],
            *(line for block in prose.SENTENCES[language].values() for line in block),
        ]
        assert {slot for pattern in patterns for slot in re.findall(r"\{(?:\w+=)?(\w+)\}", pattern)} <= known


@pytest.mark.slow
def test_the_exact_text_of_the_embedded_base_shares_nothing_with_banking77() -> None:
    """The seeds and amounts of `tools.build_tiny_base`, tokenizer text included."""
    from tools import build_tiny_base

    labels, grams = banking77()
    names = {name for label in labels for name in (label, label.replace("_", " "))}
    found = re.compile("|".join(map(re.escape, sorted(names))))
    spoken = (
        message[part]
        for cycle in build_tiny_base.CYCLES
        for conversation in corpus.conversations(cycle.seed, cycle.num_conversations)
        for message in conversation
        for part in ("content", "reasoning")
    )
    written = (text for cycle in build_tiny_base.CYCLES for text in corpus.documents(cycle.seed, cycle.num_documents))
    for text in chain(spoken, written, build_tiny_base.tokenizer_text()):
        assert found.search(text.lower()) is None, text
        assert not grams & word_grams(text), text
