"""What servers say of an answer, read as they say it, and nothing made up where they do not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tunesmith.engine.chunk import Chunk, Logs, Rejoined, Said


def logs(**told: Any) -> Logs:
    return Logs.model_validate(told)


def test_log_probabilities_of_both_wordings_are_told_alike() -> None:
    top = [{"token": "ja", "logprob": -0.5}, {"token": "no", "logprob": -1.0}]
    chat = logs(content=[{"token": "ja", "logprob": -0.5, "top_logprobs": top}])
    completion = logs(tokens=["ja"], token_logprobs=[-0.5], top_logprobs=[{"ja": -0.5, "no": -1.0}])
    assert chat.told() == completion.told()
    assert chat.told()[0].top == (("ja", -0.5), ("no", -1.0))


@pytest.mark.parametrize("lacking", [None, math.nan, -math.inf])
def test_where_one_token_lacks_its_log_probability_none_is_told(lacking: float | None) -> None:
    tokens = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": lacking}]
    assert logs(content=tokens).told() == logs(content=tokens).of_chat == ()
    assert logs(tokens=["a", "b"], token_logprobs=[-0.5, lacking]).told() == ()
    likeliest = [{"token": "a", "logprob": -0.5}, {"token": "never", "logprob": lacking}]
    (told,) = logs(content=[{"token": "a", "logprob": -0.5, "top_logprobs": likeliest}]).told()
    assert told.top == (("a", -0.5),)


def test_numbers_that_json_has_no_word_for_are_read() -> None:
    chunk = Chunk.model_validate_json(
        '{"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": NaN}]}}]}'
    )
    (choice,) = chunk.choices
    assert (choice.said.content, choice.logprobs is not None and choice.logprobs.told()) == ("a", ())


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([Said(content="a"), Said(content="b")], "ab"),
        ([Said(reasoning="hm"), Said(reasoning_content="!"), Said(content="a")], "<think>\nhm!\n</think>\n\na"),
        ([Said(reasoning="hm", content="a"), Said(content="b")], "<think>\nhm\n</think>\n\nab"),
        ([Said(reasoning="hm"), Said()], "<think>\nhm"),
        ([Said(content="a"), Said(reasoning="late")], "alate"),
        ([Said(content=""), Said(reasoning="hm"), Said(content="a")], "<think>\nhm\n</think>\n\na"),
    ],
)
def test_thinking_goes_back_before_the_answer(pieces: list[Said], text: str) -> None:
    rejoined = Rejoined()
    assert "".join(map(rejoined.add, pieces)) == text
