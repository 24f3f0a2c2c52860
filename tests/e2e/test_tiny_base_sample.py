"""A large sample of the embedded base's text: its shape, its width, and that it is apart from suite and banking77."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from itertools import chain, islice
from pathlib import Path
from random import Random

import pytest

from tools.tiny_base import corpus, facts, suite, topics
from tools.tiny_base.patterns import LANGUAGES

BANKING77 = Path(__file__).parents[3] / "shared" / "data"
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


def test_vocabulary_is_wide() -> None:
    """Distinct words of the documents and conversations; Chinese counts the terms of the tables."""
    english = {word for text in sample_texts() for word in re.findall(r"[a-z]+", text.lower())}
    assert len(english) >= 2000, len(english)
    chinese = {text for fact in facts.all_facts("zh") for text in (fact.slots["s"], fact.slots["v"])}
    for topic in topics.topics("zh", "train"):
        chinese |= {phrase for values in topic.slots.values() for phrase in values}
    assert len(chinese) >= 1500, len(chinese)


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
