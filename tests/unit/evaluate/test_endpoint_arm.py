"""An arm over real HTTP: what it is asked by task, and what becomes of its answers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from chat_server import serving

from tunesmith.artifacts.scorecard import Task
from tunesmith.engine.endpoint import Endpoint
from tunesmith.errors import RunFailed
from tunesmith.evaluate.endpoint_arm import EndpointArm
from tunesmith.evaluate.items import Item
from tunesmith.metrics.faults import Expected
from tunesmith.records import Message, Sampling


def items(*texts: str, label: str | None = None, target: float | None = None) -> list[Item]:
    return [
        Item(
            str(place),
            "test",
            (Message("user", text),),
            Message("assistant", label or "Paris"),
            (label or "Paris",),
            label=label,
            language="zh" if text > "一" else "en",
            target=target,
        )
        for place, text in enumerate(texts)
    ]


def arm(url: str, cache: Path, task: Task, sampling: Sampling, *labels: str) -> EndpointArm:
    endpoint = Endpoint(url=url, model="m", cache=cache, parallel=2, max_tokens=sampling.max_new_tokens)
    return EndpointArm("gpt", endpoint, sampling, task, labels, unsaid=7.0)


def test_labels_are_named_in_the_language_of_the_item(tmp_path: Path) -> None:
    def answer(system: str, text: str) -> str:
        assert "refund\ncard" in system
        return "退款" if text == "退货" else "refund"

    with serving(answer) as server:
        done: list[int] = []
        found = arm(server.url, tmp_path, "labels", Sampling(), "refund", "card").answer(
            items("give it back", "退货", label="refund"), done.append
        )
    assert [sample.scores["accuracy"] for sample in found.samples] == [1.0, 0.0]
    systems = sorted(body["messages"][0]["content"].partition("\n")[0] for body in server.bodies)
    assert [text[:5] for text in systems] == ["Reply", "请只回复下"]
    assert done == [1, 1]


def test_samples_count_tokens_and_thinking_and_take_seeds_of_their_own(tmp_path: Path) -> None:
    sampling = Sampling(num_samples=2, max_new_tokens=50, seed=4)
    with serving(lambda system, text: "<think>hm</think>Paris") as server:
        found = arm(server.url, tmp_path, "text", sampling).answer(items("Capital of France?"), lambda done: None)
        again = arm(server.url, tmp_path, "text", sampling).answer(items("Capital of France?"), lambda done: None)
    assert [(sample.index, sample.answer, sample.reasoning) for sample in found.samples] == [
        (0, "Paris", "hm"),
        (1, "Paris", "hm"),
    ]
    assert [sample.num_tokens for sample in found.samples] == [22, 22]
    assert found.num_prompt_tokens_mean == len(str(server.bodies[0]["messages"]))
    assert sorted(body["seed"] for body in server.bodies) == [4, 5]
    assert {body["max_tokens"] for body in server.bodies} == {50}
    assert again == found  # from the cache, with the seconds of the first time
    assert found.seconds > 0.0


@pytest.mark.parametrize(("said", "error", "is_said"), [("about 12", 2.0, 1.0), ("no idea", 3.0, 0.0)])
def test_a_number_is_the_last_of_the_answer(tmp_path: Path, said: str, error: float, is_said: float) -> None:
    with serving(lambda system, text: said) as server:
        found = arm(server.url, tmp_path, "numbers", Sampling()).answer(items("How many?", target=10.0), lambda n: None)
    assert found.samples[0].scores == {"mae": error, "mse": error**2, "said_number": is_said}
    assert found.samples[0].answer == said


@pytest.mark.thorough
def test_a_request_that_times_out_is_counted_and_asked_again_later(tmp_path: Path) -> None:
    slow = {"slow"}

    def answer(system: str, text: str) -> str:
        if text in slow:
            time.sleep(0.5)
        return "7"

    with serving(answer) as server:
        endpoint = Endpoint(server.url, "m", tmp_path, parallel=2, timeout_seconds=0.2, wait_seconds=0.01)
        asked = EndpointArm("gpt", endpoint, Sampling(), "numbers", unsaid=5.0)
        found = asked.answer(items("quick", "slow", target=7.0), lambda n: None)
        assert [sample.finish_reason for sample in found.samples] == ["stop", "timeout"]
        assert [Expected("numbers").fault(sample) for sample in found.samples] == [None, "timed_out"]
        assert found.num_prompt_tokens_mean is not None
        with pytest.raises(RunFailed, match="endpoint-failed"):
            asked.answer(items("slow", target=7.0), lambda n: None)
        slow.clear()
        again = asked.answer(items("quick", "slow", target=7.0), lambda n: None)
        assert [sample.answer for sample in again.samples] == ["7", "7"]
