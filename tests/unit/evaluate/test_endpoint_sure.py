"""How sure a model behind real HTTP is: of labels by their log-probabilities, of answers by those or when asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from piece_server import PieceServer, Token, answering, streaming

from tunesmith.artifacts.scorecard import Task
from tunesmith.engine.endpoint import Endpoint
from tunesmith.evaluate.confidence import Judging, judge_confidence
from tunesmith.evaluate.endpoint_arm import EndpointArm
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.summary import judge
from tunesmith.evaluate.sureness import HOW_SURE
from tunesmith.recipe.confidence import AnswerConfidence, Confidence
from tunesmith.recipe.metrics import Plain
from tunesmith.records import Message, Sampling

SAID: dict[str, list[Token]] = {
    "give it back": [("re", -0.1), ("fund", -0.2), ("<|end|>", -0.3)],
    "退货": [("退款", -1.5)],
    "my card": [("Card", -0.5), (".", -0.25)],
    "hello": [("hello", -0.1)],
    "nothing": [],
    "on and on": [("the", -0.1), (" end", -0.3)],
}


def items(*texts: str, label: str | None = None) -> list[Item]:
    return [
        Item(
            str(place), "test", (Message("user", text),), Message("assistant", label or "Paris"), (label or "Paris",),
            label=label, language="zh" if text > "一" else "en",
        )
        for place, text in enumerate(texts)
    ]  # fmt: skip


def told(body: dict[str, Any]) -> Sequence[Token]:
    return SAID[body["messages"][-1]["content"]]


def arm(
    server: PieceServer,
    cache: Path,
    task: Task,
    *labels: str,
    kinds: Sequence[AnswerConfidence] = (),
    sampling: Sampling | None = None,
) -> EndpointArm:
    sampling = sampling or Sampling(max_new_tokens=40)
    endpoint = Endpoint(server.url, "m", cache, parallel=2, max_tokens=sampling.max_new_tokens, wait_seconds=0.01)
    return EndpointArm("large", endpoint, sampling, task, labels, kinds=kinds)


def test_a_label_is_as_sure_as_its_tokens_together(tmp_path: Path) -> None:
    asked = items("give it back", "退货", "my card", "hello", "nothing", label="refund")
    with streaming(answering(told)) as server:
        this = arm(server, tmp_path, "labels", "refund", "退款", "card")
        answers, asides = this.stated(asked, this.answer(asked, lambda done: None), lambda done: None)
    assert asides == []
    sure = [sample.scores.get("confidence") for sample in answers.samples]
    expected = [math.exp(-0.6), math.exp(-1.5), math.exp(-0.75)]
    assert sure[:3] == [pytest.approx(one) for one in expected]
    assert sure[3:] == [None, None]  # what is no label, and no answer
    assert {body["logprobs"] for body in server.bodies} == {True}
    judging = Judging("accuracy", {"large": ["label"]}, Confidence(), 0, {})
    found = judge_confidence({"large": answers.samples}, {}, judging)
    assert found.unstated == {"large": {"label": 2}}
    table = found.tables["large"]["label"]
    assert (table.n, table.accuracy) == (3, pytest.approx(1 / 3))
    assert table.confidence == pytest.approx(sum(expected) / 3)


def test_an_endpoint_that_tells_no_log_probabilities_has_answers_without_confidence(tmp_path: Path) -> None:
    def refuses(body: dict[str, Any]) -> Any:
        if "logprobs" in body:
            return 400, "application/json", [b'{"error": "logprobs are not supported by this model"}']
        return answering(told)(body)

    asked = items("give it back", "my card", label="refund")
    with streaming(refuses) as server:
        this = arm(server, tmp_path, "labels", "refund", "card")
        answers = this.answer(asked, lambda done: None)
    right = dict.fromkeys(("exact_match", "rouge_l", "accuracy"), 1.0)
    assert [sample.scores for sample in answers.samples] == [right, dict.fromkeys(right, 0.0)]
    assert this.endpoint.refused == {"logprobs"}
    assert "logprobs" not in server.bodies[-1]


def test_free_answers_have_a_likelihood_and_what_is_said_when_asked(tmp_path: Path) -> None:
    texts = ("give it back", "退货", "hello", "nothing", "on and on")
    asked = items(*texts)

    def answer(body: dict[str, Any]) -> Sequence[Token]:
        messages = [message["content"] for message in body["messages"]]
        if len(messages) == 1:
            return SAID[messages[0]]
        said = {"refund": [("85%", -0.1)], "退款": [("10", -0.1), ("0", -0.1)]}
        return said.get(messages[1], [("Surely", -0.1)])

    sampling = Sampling(temperature=0.7, num_samples=2, max_new_tokens=40, seed=5)
    done: list[int] = []
    with streaming(answering(answer)) as server:
        this = arm(server, tmp_path, "text", kinds=("likelihood", "verbalised", "agreement"), sampling=sampling)
        answers, asides = this.stated(asked, this.answer(asked, done.append), done.append)
    assert sum(done) == 2 * len(asked) + len(asked)
    firsts = [sample for sample in answers.samples if sample.index == 0]
    likelihood = [math.exp(-0.2), math.exp(-1.5), math.exp(-0.1), None, math.exp(-0.2)]
    for sample, expected in zip(firsts, likelihood, strict=True):
        assert sample.scores.get("likelihood") == (None if expected is None else pytest.approx(expected))
    assert all("likelihood" not in sample.scores for sample in answers.samples if sample.index == 1)
    assert [sample.scores.get("verbalised") for sample in firsts] == [0.85, 1.0, None, None, None]
    assert [(aside.suite, aside.item, aside.answer) for aside in asides] == [
        ("verbalised", "0", "85%"),
        ("verbalised", "1", "100"),
        ("verbalised", "2", "Surely"),
        ("verbalised", "4", "Surely"),
    ]
    assert asides[1].prompt == (*asked[1].prompt, Message("assistant", "退款"), Message("user", HOW_SURE["zh"]))
    behind = [body for body in server.bodies if len(body["messages"]) == 3]
    assert {(body["temperature"], body["max_tokens"], body["seed"]) for body in behind} == {(0.0, 40, 5)}
    assert len(behind) == 4  # what was not answered is not asked about


def test_the_time_to_the_first_token_is_told_as_of_local_arms(tmp_path: Path) -> None:
    asked = items("hello", "give it back")
    with streaming(answering(told)) as server:
        answers = arm(server, tmp_path, "text").answer(asked, lambda done: None)
    assert answers.first_token_seconds is not None
    assert 0 < answers.first_token_seconds <= answers.seconds * 2
    judged = {"large": {"test": judge(answers, asked, None)}}
    metrics = tuple(Plain.model_validate({"name": name}) for name in ("first_token_seconds", "tokens_per_second"))
    measure(judged, asked, Wanted("text", "exact_match", metrics, ()))
    figures = judged["large"]["test"].figures
    assert figures["first_token_seconds"] == answers.first_token_seconds
    assert figures["tokens_per_second"] == pytest.approx(4 / answers.seconds)
