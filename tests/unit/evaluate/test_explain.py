"""Words that decide a label: planted ones are found and told from others; and the nearest rows with their places."""

from __future__ import annotations

import math

import pytest

from tunesmith.errors import Place
from tunesmith.evaluate.explain import MAX_UNITS, NUM_DRAWS, nearest_rows, reasons
from tunesmith.records import Example, Message

ENGLISH = "Good morning , I wrote last week that the parcel came broken and nobody has answered me since then"
CHINESE = "你好，我上周写信说包裹到的时候已经破损了，到现在也没有人回复我"


def by_words(*planted: str):  # type: ignore[no-untyped-def]
    """A model that is the surer the more of these words it sees, and goes by nothing else."""
    return lambda texts: [math.log(0.05 + 0.9 * sum(word in text for word in planted) / len(planted)) for text in texts]


@pytest.mark.parametrize(("text", "planted"), [(ENGLISH, "broken"), (CHINESE, "破损")])
def test_the_planted_word_is_ranked_first_and_told_from_random_words(text: str, planted: str) -> None:
    found = reasons(text, by_words(planted), seed=0)
    first, *others = sorted(found.units, key=lambda unit: -unit.drop)
    assert first.text == planted
    assert text[first.start : first.stop] == planted
    assert first.drop == pytest.approx(math.log(0.95 / 0.05))
    assert all(unit.drop == 0.0 for unit in others)
    assert found.deletion is not None
    assert found.deletion.drop == first.drop
    assert found.deletion.random_drop < first.drop / 2
    assert found.log_probability == pytest.approx(math.log(0.95))


def test_several_planted_words_are_worth_more_together_than_any_random_ones() -> None:
    found = reasons(ENGLISH, by_words("broken", "parcel", "week"), seed=0)
    top = sorted(found.units, key=lambda unit: -unit.drop)[:3]
    assert {unit.text for unit in top} == {"broken", "parcel", "week"}
    assert found.deletion is not None
    assert found.deletion.num_removed == 4
    assert found.deletion.drop == pytest.approx(math.log(0.95 / 0.05))
    assert found.deletion.random_most < found.deletion.drop
    assert found.deletion.p_value == pytest.approx(1 / (NUM_DRAWS + 1))


def test_a_model_that_goes_by_no_word_passes_no_check() -> None:
    found = reasons(ENGLISH, lambda texts: [-0.5] * len(texts), seed=0)
    assert found.deletion is not None
    assert (found.deletion.drop, found.deletion.p_value) == (0.0, 1.0)


def test_what_is_asked_is_the_text_without_one_word_at_a_time() -> None:
    asked: list[str] = []

    def score(texts: list[str]) -> list[float]:
        asked.extend(texts)
        return [0.0] * len(texts)

    reasons("the card is lost", score, seed=0)
    assert asked[:5] == ["the card is lost", "card is lost", "the is lost", "the card lost", "the card is "]
    assert len(asked) == 5 + 1 + NUM_DRAWS


def test_short_and_long_texts() -> None:
    assert reasons("", lambda texts: [0.0] * len(texts), seed=0).units == ()
    one = reasons("lost", by_words("lost"), seed=0)
    assert ([unit.text for unit in one.units], one.deletion) == (["lost"], None)
    text = " ".join(f"word{n}" for n in range(1000))
    long = reasons(text, by_words("word777"), seed=0)
    assert len(long.units) == MAX_UNITS
    assert "word777" in max(long.units, key=lambda unit: unit.drop).text
    assert long.units[0].text == "word0 word1 word2 word3 word4"


def test_the_same_seed_draws_the_same_words() -> None:
    assert reasons(ENGLISH, by_words("week"), seed=3) == reasons(ENGLISH, by_words("week"), seed=3)


def test_nearest_rows_come_with_file_and_line() -> None:
    train = [
        Example(str(n), (Message("user", text), Message("assistant", f"answer {n}")), Place("desk.csv", n + 2))
        for n, text in enumerate(("my card is lost", "where is my parcel", "我的卡丢了", "opening hours"))
    ]
    first, second = nearest_rows(train, "I lost my card", 3)  # the others share no word
    assert (first.id, first.file, first.line, first.answer) == ("0", "desk.csv", 2, "answer 0")
    assert 0 < second.likeness < first.likeness < 1
    (chinese, *_) = nearest_rows(train, "卡丢了怎么办", 1)
    assert chinese.question == "我的卡丢了"
    assert nearest_rows([], "anything", 3) == []
    assert nearest_rows(train, "my card is lost", 1)[0].likeness == pytest.approx(1.0)
