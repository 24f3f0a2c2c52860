"""What `/v1/chat/completions` and `/v1/completions` answer, streamed and not, beside a written-down engine."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from serving_material import TUNED, ScriptedEngine, call, chat_body, deployed, events, says

from tunesmith.engine.interface import Delta, OnDelta, Request, TokenLogProbability
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.records import Message

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
RULES = {"answers": [{"name": "promises", "words": ["guarantee"]}], "reply": {"en": "I cannot promise that."}}


def ask(folder: Path, engine: ScriptedEngine, path: str = CHAT, **body: Any) -> dict[str, Any]:
    with deployed(folder, engine) as deployment:
        sent = chat_body(**body) if path == CHAT else {"model": TUNED, "prompt": "Once", **body}
        response = call(deployment, "POST", path, sent)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def test_a_whole_answer_in_openais_shape(tmp_path: Path) -> None:
    found = ask(tmp_path, ScriptedEngine(says("<think>a b", " c</think>", " Yes", ". ")))
    assert found["object"] == "chat.completion"
    assert found["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Yes.",
                "refusal": None,
                "reasoning_content": "a b c",
                "reasoning": "a b c",
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert found["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 4,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    assert re.fullmatch("ex-[0-9a-f]{24}", found["tunesmith"]["exchange"])
    assert found["tunesmith"]["recorded"] is True


def test_a_stream_says_what_the_whole_answer_says(tmp_path: Path) -> None:
    pieces = says("<th", "ink>a", " b</th", "ink>", " Yes", ".", " ")
    whole = ask(tmp_path, ScriptedEngine(pieces))
    with deployed(tmp_path, ScriptedEngine(pieces)) as deployment:
        body = chat_body(stream=True, stream_options={"include_usage": True})
        response = call(deployment, "POST", CHAT, body)
        assert response.headers["content-type"].startswith("text/event-stream")
        told = events(response)
        kept = deployment.store.exchange(response.headers["x-tunesmith-exchange"])
        assert kept is not None
    *chunks, closing, usage = told
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    message = whole["choices"][0]["message"]
    assert "".join(delta.get("content", "") for delta in deltas) == message["content"] == "Yes."
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message["reasoning"] == "a b"
    assert closing["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"] == whole["usage"]
    assert usage["choices"] == []
    assert all(chunk["usage"] is None for chunk in (*chunks, closing))
    assert closing["tunesmith"]["exchange"] == kept.id
    assert kept.answer == Message("assistant", "Yes.", "a b")


def test_an_answer_that_only_closes_its_thinking_is_split_as_it_was_judged(tmp_path: Path) -> None:
    pieces = says("so it is</think>", "Yes")
    found = ask(tmp_path, ScriptedEngine(pieces))
    assert found["choices"][0]["message"]["content"] == "Yes"
    with deployed(tmp_path, ScriptedEngine(pieces), closes_unopened=True) as deployment:
        told = events(call(deployment, "POST", CHAT, chat_body(stream=True)))
    assert [each["choices"][0]["delta"].get("reasoning") for each in told] == [None, "so it is", None, None]


def test_what_the_engine_is_asked(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    ask(
        tmp_path,
        engine,
        n=2,
        stop=["\n", "END"],
        seed=5,
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=9,
        max_tokens=3,
        logprobs=True,
        top_logprobs=2,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]},
            {"role": "assistant", "content": "Hi", "reasoning_content": "hm"},
            {"role": "user", "content": "Go", "name": "ann"},
        ],
        metadata={"trace": "1"},
        parallel_tool_calls=True,
        tools=[],
        frequency_penalty=0,
    )
    assert [request.sample for request in engine.asked] == [0, 1]
    first = engine.asked[0]
    assert first.prompt == (
        Message("system", "Be\nkind."),
        Message("assistant", "Hi", "hm"),
        Message("user", "Go"),
    )
    drawn = first.sampling
    assert (drawn.temperature, drawn.top_p, drawn.max_new_tokens, drawn.seed) == (0.5, 0.9, 9, 5)
    assert (first.stop, first.num_top, first.is_json, first.json_schema) == (("\n", "END"), 2, True, schema)
    assert (first.adapter, first.max_seconds) == (TUNED, 120.0)


def test_nothing_said_of_sampling_is_as_judged(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    ask(tmp_path, engine)
    assert (engine.asked[0].sampling.temperature, engine.asked[0].sampling.max_new_tokens) == (0.0, 2048)


def test_log_probabilities_of_tokens(tmp_path: Path) -> None:
    found = ask(tmp_path, ScriptedEngine(says("é", "b")), logprobs=True, top_logprobs=2)
    (first, second) = found["choices"][0]["logprobs"]["content"]
    assert (first["token"], first["logprob"], first["bytes"]) == ("é", -0.5, [0xC3, 0xA9])
    assert [top["logprob"] for top in second["top_logprobs"]] == [-0.5, -9999.0]
    texts = ask(tmp_path, ScriptedEngine(says("é", "bc", "d")), TEXT, logprobs=1)["choices"][0]["logprobs"]
    assert (texts["tokens"], texts["text_offset"]) == (["é", "bc", "d"], [0, 1, 3])


def test_parts_of_a_character_have_no_bytes_of_their_own(tmp_path: Path) -> None:
    """A client that joins bytes must not take what stands for a part for the part itself."""
    half = "\ufffd"
    top = ((half, -0.1), (half, -3.0), ("a", -4.0))

    class Cutting(ScriptedEngine):
        def submit(self, request: Request, on_delta: OnDelta) -> int:
            logs = tuple(TokenLogProbability(half, -0.1, top) for _ in range(3))
            on_delta(Delta("你", (1, 2, 3), logs, "stop", 1))
            return 1

    found = ask(tmp_path, Cutting(), logprobs=True, top_logprobs=3)["choices"][0]["logprobs"]["content"]
    assert [token["bytes"] for token in found] == [None] * 3
    assert [each["bytes"] for each in found[0]["top_logprobs"]] == [None, None, [97]]
    texts = ask(tmp_path, Cutting(), TEXT, logprobs=3)["choices"][0]["logprobs"]
    assert list(texts["top_logprobs"][0].items()) == [(half, -0.1), ("a", -4.0)]


def test_completions_write_on_from_each_prompt(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: [f"<think>{request.prompt}", f"/{request.sample}"])
    found = ask(tmp_path, engine, TEXT, prompt=["a", "b"], n=2)
    assert [choice["text"] for choice in found["choices"]] == ["<think>a/0", "<think>a/1", "<think>b/0", "<think>b/1"]
    assert found["object"] == "text_completion"
    assert found["usage"]["prompt_tokens"] == 14
    assert len(set(found["tunesmith"]["exchanges"])) == 4


def test_completions_stream(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine(says("a", "b"))) as deployment:
        told = events(call(deployment, "POST", TEXT, {"model": TUNED, "prompt": "Once", "stream": True}))
    assert [each["choices"][0]["text"] for each in told] == ["a", "b", ""]
    assert told[-1]["tunesmith"]["recorded"] is True


def test_several_streamed_answers_are_told_apart(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: [f"{request.sample}", "x", "y"])
    with deployed(tmp_path, engine) as deployment:
        told = events(call(deployment, "POST", CHAT, chat_body(n=3, stream=True)))
    texts = dict.fromkeys(range(3), "")
    for each in told:
        texts[each["choices"][0]["index"]] += each["choices"][0]["delta"].get("content", "")
    assert texts == {0: "0xy", 1: "1xy", 2: "2xy"}
    assert ["tunesmith" in each for each in told].count(True) == 1
    assert "tunesmith" in told[-1]


def test_a_timeout_is_a_length_that_says_why(tmp_path: Path) -> None:
    class Slow(ScriptedEngine):
        def submit(self, request: Request, on_delta: OnDelta) -> int:
            on_delta(Delta("so", (1,), finish_reason="timeout", num_prompt_tokens=1))
            return 1

    found = ask(tmp_path, Slow())
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["tunesmith"]["finish_reasons"] == ["timeout"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_refuses_has_its_status(tmp_path: Path, stream: bool) -> None:
    engine = ScriptedEngine()
    engine.refusal = TunesmithError("queue-full", waiting=1)
    with deployed(tmp_path, engine) as deployment:
        response = call(deployment, "POST", CHAT, chat_body(stream=stream))
    assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert "retry-after" in response.headers


def test_a_failure_half_way_ends_a_stream_with_an_error_and_records_nothing(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: RunFailed("engine-numbers"))
    with deployed(tmp_path, engine) as deployment:
        response = call(deployment, "POST", CHAT, chat_body(stream=True))
        whole = call(deployment, "POST", CHAT, chat_body())
        assert deployment.store.num_exchanges == 0
    last = response.text.split("\n\n")[-2]
    assert '"code":"engine-numbers"' in last
    assert "[DONE]" not in response.text
    assert (whole.status_code, whole.json()["error"]["code"]) == (500, "engine-numbers")


@pytest.mark.parametrize("stream", [False, True])
def test_a_rule_on_answers_leaves_the_stated_reply(tmp_path: Path, stream: bool) -> None:
    engine = ScriptedEngine(says("It comes tomorrow certainly. ", "I guarantee", " it by all means. ", "And more."))
    with deployed(tmp_path, engine, {"guard": RULES}) as deployment:
        response = call(deployment, "POST", CHAT, chat_body(stream=stream))
        kept = next(deployment.store.exchanges())
        if stream:
            said = "".join(each["choices"][0]["delta"].get("content", "") for each in events(response))
            reason = events(response)[-1]["choices"][0]["finish_reason"]
        else:
            said, reason = (response.json()["choices"][0][key] for key in ("message", "finish_reason"))
            said = said["content"]
    assert said == "It comes tomorrow certainly. I cannot promise that."
    assert reason == kept.finish_reason == "content_filter"
    assert kept.guarded == ("promises",)
    assert kept.answer == Message("assistant", said)
    assert engine.idle()


def test_a_rule_on_requests_answers_without_the_engine(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    guard = {"requests": [{"name": "parcels", "words": ["parcel"]}], "reply": {"en": "Not here."}}
    with deployed(tmp_path, engine, {"guard": guard}) as deployment:
        found = call(deployment, "POST", CHAT, chat_body()).json()
        told = events(call(deployment, "POST", CHAT, chat_body(stream=True)))
    assert found["choices"][0]["message"]["content"] == "Not here."
    assert found["tunesmith"]["guarded"] == ["parcels"]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in told) == "Not here."
    assert engine.asked == []


def test_tokens_beside_guarded_answers_are_refused(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine(), {"guard": RULES}) as deployment:
        response = call(deployment, "POST", CHAT, chat_body(logprobs=True))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "logprobs-guarded")


def test_two_answers_are_two_exchanges(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        found = call(deployment, "POST", CHAT, chat_body(n=2, user="ann")).json()
        kept = list(deployment.store.exchanges())
    assert {each.id for each in kept} == set(found["tunesmith"]["exchanges"])
    assert {(each.subject, each.version, each.model) for each in kept} == {("ann", "b" * 16, TUNED)}


def test_nothing_is_kept_where_the_policy_says_so(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine(), {"record": "off"}) as deployment:
        assert call(deployment, "POST", CHAT, chat_body()).json()["tunesmith"]["recorded"] is False
        assert deployment.store.num_exchanges == 0
        assert deployment.recorder.num_dropped == 0


def test_a_store_that_is_down_costs_the_record_and_not_the_reply(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        deployment.store.close()
        found = call(deployment, "POST", CHAT, chat_body(n=2))
        assert found.status_code == 200
        assert found.json()["tunesmith"]["recorded"] is False
        assert deployment.recorder.num_dropped == 2


def test_an_answer_that_breaks_a_rule_is_not_written_on_while_another_is(tmp_path: Path) -> None:
    def script(request: Request) -> list[str]:
        if request.sample == 0:
            return ["I guarantee it certainly. ", "More.", " And more."]
        until = time.monotonic() + 2
        while not engine.cancelled and time.monotonic() < until:
            time.sleep(0.001)
        return [f"Cancelled: {sorted(engine.cancelled)}."]

    engine = ScriptedEngine(script)
    with deployed(tmp_path, engine, {"guard": RULES}) as deployment:
        told = events(call(deployment, "POST", CHAT, chat_body(n=2, stream=True)))
    said = ["", ""]
    for each in told:
        said[each["choices"][0]["index"]] += each["choices"][0]["delta"].get("content", "")
    assert said == ["I cannot promise that.", "Cancelled: [1]."]
    assert told[-1]["tunesmith"]["finish_reasons"] == ["content_filter", "stop"]
