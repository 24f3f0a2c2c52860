"""The engine whose model is elsewhere, over real HTTP: what it asks, what it tells, and what no healthy server does."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_material import PATIENCE_SECONDS, Heard, asking, hear
from remote_material import MODEL, VLLM, Act, Asked, StandIn, in_front_of, piece, says, standing_in, usage
from tiny_models import make_chat

from tunesmith.chat import Chat
from tunesmith.engine.abilities import NEUTRAL
from tunesmith.engine.interface import CHARACTERS_PER_TOKEN, Capabilities, Request, TokenLogProbability
from tunesmith.engine.remote import RemoteEngine
from tunesmith.engine.upstream import MAX_EVENT_BYTES, MAX_WAIT_SECONDS, upstream_at
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.recipe.endpoint import Host
from tunesmith.records import Message, Sampling
from tunesmith.runtime import Runtime

ROOM = CHARACTERS_PER_TOKEN * 512
NOTHING = Capabilities(False, False, False, False, False, False, ROOM)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOP = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1}]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    return make_chat(tmp_path_factory.mktemp("chat"))


def answer_to(request: Request, act: Act, chat: Chat, **stand_in: Any) -> tuple[Heard, StandIn]:
    with standing_in(StandIn(act, **stand_in)) as there, in_front_of(there.host, chat) as engine:
        (heard,) = hear(engine, [request])
        assert engine.load().num_running == 0
    return heard, there


def failure_of(act: Act, chat: Chat, **host: Any) -> TunesmithError:
    with standing_in(StandIn(act)) as there, in_front_of(Host(url=there.url, model=MODEL, **host), chat) as engine:
        (heard,) = hear(engine, [asking("hi")])
    assert heard.last.failure is not None
    return heard.last.failure


def test_what_is_asked_is_what_openai_s_api_asks(chat: Chat) -> None:
    messages = (Message("system", "Be brief."), Message("user", "1+1?"), Message("assistant", "2", "one and one"))
    request = Request(
        (*messages, Message("user", "你好")),
        Sampling(temperature=0.5, top_p=0.9, max_new_tokens=7, seed=11),
        stop=("\n", "###"),
        num_top=2,
        json_schema=SCHEMA,
    )
    _, plain = answer_to(request, says(piece("2")), chat)
    assert plain.bodies == [
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "1+1?"},
                {"role": "assistant", "content": "2", "reasoning_content": "one and one", "reasoning": "one and one"},
                {"role": "user", "content": "你好"},
            ],
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 11,
            "max_tokens": 7,
            "stop": ["\n", "###"],
            "logprobs": True,
            "top_logprobs": 2,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            },
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    _, other = answer_to(replace(asking("hi"), is_json=True, sample=1), says(), chat, knows=VLLM)
    (body,) = other.bodies
    assert {name: body[name] for name in NEUTRAL} == NEUTRAL
    assert body["response_format"] == {"type": "json_object"}
    assert body["seed"] not in (0, 1)
    assert 0 < body["seed"] < 2**63
    _, text = answer_to(replace(asking("hi"), prompt="Once upon", num_top=0), says(), chat)
    assert text.paths[-1] == "/v1/completions"
    assert (text.bodies[0]["prompt"], text.bodies[0]["logprobs"]) == ("Once upon", 0)
    assert "messages" not in text.bodies[0]


def test_pieces_are_told_as_they_come_and_counted_at_the_end(chat: Chat) -> None:
    goes_on = threading.Event()

    def act(asked: Asked) -> None:
        asked.stream(piece(""), piece("On its"))
        assert goes_on.wait(PATIENCE_SECONDS)
        told = usage(9, 5, prompt_tokens_details={"cached_tokens": 4})
        for event in (piece(" way"), piece(".", "length"), told):
            asked.write(f": a comment\n\ndata: {json.dumps(event)}\r\n\r\n".encode())
        asked.write(b"data: [DONE]\n\n")

    with standing_in(StandIn(act)) as there, in_front_of(there.host, chat) as engine:
        heard, come = Heard(), threading.Event()

        def listen(delta: Any) -> None:
            heard(delta)
            come.set()

        engine.submit(asking("hi"), listen)
        assert come.wait(PATIENCE_SECONDS)
        assert heard.text == "On its"
        assert heard.deltas[0].num_prompt_tokens == engine.num_tokens_of((Message("user", "hi"),))
        goes_on.set()
        heard.wait()
    assert (heard.text, heard.last.finish_reason) == ("On its way.", "length")
    assert [delta.num_tokens for delta in heard.deltas] == [1, 2, 3, 5]
    assert (heard.last.num_prompt_tokens, heard.last.num_cached_tokens) == (9, 4)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_that_comes_apart_goes_back_before_the_answer(chat: Chat, name: str) -> None:
    thought = [piece(**{name: "three"}), piece(**{name: " and four"})]
    heard, _ = answer_to(asking("3+4"), says(*thought, piece("7"), piece(".")), chat)
    assert heard.text == "<think>\nthree and four\n</think>\n\n7."
    assert chat.parse(heard.text).message == Message("assistant", "7.", "three and four")
    heard, _ = answer_to(asking("3+4"), says(*thought), chat)
    assert heard.text == "<think>\nthree and four"
    both = {"reasoning_content": "once", "reasoning": "once"}
    heard, _ = answer_to(asking("3+4"), says(piece(**both), piece("7")), chat)
    assert heard.text == "<think>\nonce\n</think>\n\n7"


def test_log_probabilities_in_both_wordings(chat: Chat) -> None:
    expected = (TokenLogProbability("a", -0.5, (("a", -0.5), ("b", -1.0))), TokenLogProbability("c", -2.0))
    in_chat = {
        "content": [
            {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": TOP},
            {"token": "c", "logprob": -2.0, "top_logprobs": []},
        ]
    }  # fmt: skip
    chunk = {"choices": [{"index": 0, "delta": {"content": "ac"}, "logprobs": in_chat}]}
    heard, _ = answer_to(replace(asking("hi"), num_top=2), says(chunk), chat)
    assert heard.deltas[0].log_probabilities == expected
    in_text = {"tokens": ["a", "c"], "token_logprobs": [-0.5, -2.0], "top_logprobs": [{"a": -0.5, "b": -1.0}, None]}
    chunk = {"choices": [{"index": 0, "text": "ac", "logprobs": in_text}]}
    heard, _ = answer_to(replace(asking("hi"), prompt="hi", num_top=2), says(chunk), chat)
    assert heard.deltas[0].log_probabilities == expected
    assert heard.deltas[0].num_tokens == 2


def cut(asked: Asked) -> None:
    """A chunk that says it is longer than it is."""
    asked.protocol_version = "HTTP/1.1"
    asked.send_response(200)
    asked.send_header("content-type", "text/event-stream")
    asked.send_header("transfer-encoding", "chunked")
    asked.end_headers()
    asked.write(b"40\r\ndata: " + json.dumps(piece("half")).encode())
    asked.close_connection = True


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda asked: asked.stream(piece("half")), "engine-broke-off"),
        (cut, "engine-broke-off"),
        (lambda asked: asked.stream(piece("half"), {"error": {"message": "secret"}}), "engine-broke-off"),
        (lambda asked: asked.stream(), "engine-broke-off"),
        (lambda asked: asked.stream(piece("half"), '{"choices": [{"delta": {"content": "ha'), "engine-garbled"),
        (lambda asked: asked.stream({"choices": [{"delta": {"content": 7}}]}), "engine-garbled"),
        (lambda asked: asked.stream("[" * 100_000), "engine-garbled"),
        (lambda asked: asked.stream(piece("<html>"), content_type="text/html"), "engine-garbled"),
        (lambda asked: asked.whole(200, piece("whole")), "engine-garbled"),
        (lambda asked: asked.whole(200, b"\x1f\x8b", content_encoding="gzip"), "engine-garbled"),
        (lambda asked: asked.whole(400, {"error": {"message": "secret"}}), "engine-refused"),
        (lambda asked: asked.whole(401, {}), "engine-status"),
        (lambda asked: asked.whole(500, b"secret"), "engine-status"),
        (lambda asked: asked.whole(204, b""), "engine-status"),
        (lambda asked: asked.whole(429, {}), "engine-busy"),
        (lambda asked: asked.whole(429, {}, retry_after="soon"), "engine-busy"),
        (lambda asked: asked.whole(503, {}, retry_after=str(int(MAX_WAIT_SECONDS) + 1)), "engine-busy"),
        (lambda asked: asked.whole(500, {}, retry_after="0"), "engine-status"),
        (lambda asked: asked.wfile.write(b"SSH-2.0\r\n"), "engine-unreachable"),
        (lambda asked: None, "engine-unreachable"),
    ],
)  # fmt: skip
def test_what_no_healthy_server_does_is_a_coded_failure(chat: Chat, act: Act, code: str) -> None:
    failure = failure_of(act, chat)
    assert failure.code == code
    for language in ("en", "zh"):
        said = failure.message(language) + failure.hint(language)
        assert "secret" not in said
        assert "127.0.0.1" not in said  # it may be told to a stranger


def test_a_failure_costs_the_others_nothing(chat: Chat) -> None:
    def act(asked: Asked) -> None:
        text = asked.body["messages"][0]["content"]
        (says(piece(text)) if text != "bad" else lambda one: one.stream("garbage"))(asked)

    with standing_in(StandIn(act)) as there, in_front_of(there.host, chat) as engine:
        heard = hear(engine, [asking(text) for text in ("a", "bad", "b")])
        assert [each.text for each in heard] == ["a", "", "b"]
        (after,) = hear(engine, [asking("c")])
    assert after.text == "c"


def test_who_is_busy_is_asked_again_but_only_before_anything_was_told(chat: Chat) -> None:
    answers: list[Act] = [
        lambda asked: asked.whole(429, {}, retry_after="0"),
        lambda asked: asked.whole(503, {}, retry_after="0"),
        says(piece("now")),
    ]
    heard, there = answer_to(asking("hi"), lambda asked: answers.pop(0)(asked), chat)
    assert (heard.text, len(there.bodies)) == ("now", 3)
    heard, there = answer_to(asking("hi"), lambda asked: asked.whole(429, {}, retry_after="0"), chat)
    assert heard.last.failure is not None
    assert (heard.last.failure.code, len(there.bodies)) == ("engine-busy", 4)
    heard, there = answer_to(asking("hi"), lambda asked: asked.stream(piece("half")), chat)
    assert (heard.text, len(there.bodies)) == ("half", 1)


def test_an_event_without_an_end_is_cut_off(chat: Chat) -> None:
    sent = []

    def act(asked: Asked) -> None:
        asked.stream()
        asked.write(b"data: ")
        while asked.write(b"x" * 65_536) and len(sent) < 16_384:  # a gigabyte
            sent.append(65_536)

    assert failure_of(act, chat).code == "engine-garbled"
    assert sum(sent) < 16 * MAX_EVENT_BYTES  # of which most waits in the socket


def test_an_answer_without_an_end_is_cut_off(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunesmith.engine.upstream.MAX_REPLY_BYTES", 100_000)

    def act(asked: Asked) -> None:
        asked.stream()
        while asked.write(f"data: {json.dumps(piece('x' * 1000))}\n\n".encode()):
            pass

    assert failure_of(act, chat).code == "engine-garbled"


def until_hung_up(asked: Asked) -> None:
    asked.stream(piece("first"))
    while asked.write(b": still here\n\n"):
        hung_up.wait(0.002)
    hung_up.set()


hung_up = threading.Event()


def test_cancelling_hangs_up(chat: Chat) -> None:
    hung_up.clear()
    with standing_in(StandIn(until_hung_up)) as there, in_front_of(there.host, chat) as engine:
        heard, begun = Heard(), threading.Event()
        number = engine.submit(asking("hi"), lambda delta: (heard(delta), begun.set())[0])
        assert begun.wait(PATIENCE_SECONDS)
        engine.cancel(number)
        assert heard.wait().last.finish_reason == "cancelled"
        assert hung_up.wait(PATIENCE_SECONDS)
        engine.cancel(number)  # stays as it is
        engine.cancel(12345)
        assert engine.load().num_running == 0


def test_an_answer_ends_when_its_time_is_over(chat: Chat) -> None:
    hung_up.clear()
    heard, _ = answer_to(replace(asking("hi"), max_seconds=0.1), until_hung_up, chat)
    assert (heard.text, heard.last.finish_reason) == ("first", "timeout")
    assert hung_up.wait(PATIENCE_SECONDS)


@pytest.mark.thorough
def test_a_server_that_hangs_is_not_waited_for(chat: Chat) -> None:
    let_go = threading.Event()
    try:
        failure = failure_of(lambda asked: let_go.wait(PATIENCE_SECONDS), chat, timeout_seconds=0.5)
        assert (failure.code, failure.parameters["problem"]) == ("engine-unreachable", "ReadTimeout")
        half: Act = lambda asked: (asked.stream(piece("half")), let_go.wait(PATIENCE_SECONDS))[0]  # noqa: E731
        assert failure_of(half, chat, timeout_seconds=0.5).code == "engine-broke-off"
    finally:
        let_go.set()


def test_the_queue_s_limit_is_exact_and_what_waits_is_not_sent(chat: Chat) -> None:
    goes_on = threading.Event()

    def act(asked: Asked) -> None:
        goes_on.wait(PATIENCE_SECONDS)
        says(piece("done"))(asked)

    with (
        standing_in(StandIn(act)) as there,
        in_front_of(there.host, chat, max_running=2, max_waiting=1) as engine,
    ):
        heard = [Heard() for _ in range(3)]
        for each in heard:
            engine.submit(asking("hi"), each)
        with pytest.raises(TunesmithError, match="queue-full"):
            engine.submit(asking("hi"), Heard())
        load = engine.load()
        assert (load.num_running, load.num_waiting) == (2, 1)
        while len(there.bodies) < 2:
            goes_on.wait(0.002)
        assert len(there.bodies) == 2
        goes_on.set()
        assert [each.wait().text for each in heard] == ["done"] * 3
        assert hear(engine, [asking("hi")])[0].text == "done"


def test_what_cannot_be_asked_is_refused_before_it_is_sent(chat: Chat) -> None:
    with standing_in(StandIn(says(), models=[{"id": MODEL, "max_model_len": 40}])) as there:
        with in_front_of(there.host, chat) as engine:
            for request, code in (
                (asking("hi " * 60), "prompt-too-long"),
                (asking("<|end|>"), "control-token"),
                (replace(asking("hi"), adapter="other"), "adapter-unknown"),
            ):
                with pytest.raises(TunesmithError, match=code):
                    engine.submit(request, Heard())
            hear(engine, [asking("hi", max_new_tokens=2048)])
            with pytest.raises(TunesmithError, match="engine-lacks"):
                engine.load_adapter("other", Path())
            with pytest.raises(TunesmithError, match="adapter-unknown"):
                engine.unload_adapter("other")
            num_tokens = engine.num_tokens_of((Message("user", "hi"),))
        assert [body["max_tokens"] for body in there.bodies] == [40 - num_tokens]


def test_abilities_are_seen_and_not_guessed(chat: Chat) -> None:
    with standing_in(StandIn(says())) as there, in_front_of(there.host, chat) as engine:
        assert engine.capabilities == NOTHING
        assert engine.adapters == ()
    for has_chat, scores in ((True, True), (False, False)):
        there = StandIn(says(), knows=VLLM, chat=chat if has_chat else None, score=likely)
        with standing_in(there), in_front_of(there.host, chat) as engine:
            assert engine.capabilities == Capabilities(True, scores, True, scores, False, True, ROOM)
    # says 200 to everything, and does nothing of it
    deaf = StandIn(says(), knows=VLLM, chat=chat)
    with standing_in(deaf):
        deaf.answer = lambda asked: asked.whole(200, {"choices": [{"message": {"content": "Hello."}}]})  # type: ignore[method-assign]
        with in_front_of(deaf.host, chat) as engine:
            assert engine.capabilities == NOTHING


def likely(ids: Any) -> list[dict[str, Any] | None]:
    """Each token by its place; the likeliest stands beside it, as vLLM has it."""
    told = [{str(id): {"logprob": -place / 8, "rank": 2}, "-1": {"logprob": -0.01}} for place, id in enumerate(ids)]
    return [None, *told[1:]]


def knowing(chat: Chat, score: Any = likely) -> StandIn:
    return StandIn(says(), knows=VLLM, chat=chat, score=score)


def test_scores_are_those_of_the_answer_s_own_tokens(chat: Chat) -> None:
    prompt = (Message("user", "hi"),)
    begin = len(chat.prompt_ids(prompt))
    with standing_in(knowing(chat)) as there, in_front_of(there.host, chat) as engine:
        assert engine.score(chat.prompt_ids(prompt), [7, 8, 7], None) == [-(begin + place) / 8 for place in range(3)]
        assert engine.score([5, 6], [7], None) == [-2 / 8]
        hear(engine, [Request("hi", Sampling())])
        assert there.bodies[-1]["prompt"] == chat.text_ids("hi")


def test_labels_are_as_likely_as_their_tokens_together(chat: Chat) -> None:
    conversations, labels = [[Message("user", text)] for text in ("hi", "what?")], ("yes", "no idea")
    with standing_in(knowing(chat)) as there, in_front_of(there.host, chat) as engine:
        found = engine.label(conversations, labels, None)
        assert engine.label([], labels, None) == []
    for conversation, row in zip(conversations, found, strict=True):
        begin = len(chat.prompt_ids(conversation))
        lengths = [len(chat.answer_ids(Message("assistant", label), conversation)) for label in labels]
        odds = [math.exp(-sum(range(begin, begin + length)) / 8) for length in lengths]
        assert row == pytest.approx([each / sum(odds) for each in odds])


@pytest.mark.parametrize(
    "score",
    [
        lambda ids: likely(ids)[:-1],
        lambda ids: [None] * len(ids),
        lambda ids: [None, *({"-1": {"logprob": -1.0}} for _ in ids[1:])],
        lambda ids: [None, *({str(id): {"logprob": None}} for id in ids[1:])],
    ],
)
def test_scores_that_are_none_are_no_ability(chat: Chat, score: Callable[..., Any]) -> None:
    with standing_in(knowing(chat, score)) as there, in_front_of(there.host, chat) as engine:
        assert not engine.capabilities.scores
        with pytest.raises(RunFailed, match="engine-garbled"):
            engine.score([5, 6], [7, 8], None)


def test_directions_have_unit_length_and_their_order(chat: Chat) -> None:
    there = knowing(chat)
    with standing_in(there), in_front_of(there.host, chat) as engine:
        rows = engine.embed(["text"] * 40, None)
        assert rows.shape == (40, 2)
        assert rows.dtype == np.float32
        assert np.allclose(rows, [0.6, 0.8])
        with pytest.raises(TunesmithError, match="control-token"):
            engine.embed(["<|end|>"], None)
        backwards = [{"index": place, "embedding": [place, 1.0]} for place in (2, 0, 1)]
        there.answer = lambda asked: asked.whole(200, {"data": backwards})  # type: ignore[method-assign]
        assert engine.embed(["a", "b", "c"], None)[:, 0].argsort().tolist() == [0, 1, 2]
        with pytest.raises(RunFailed, match="engine-garbled"):
            engine.embed(["a", "b"], None)


def opened(host: Host, chat: Chat, **limits: int) -> RemoteEngine:
    with in_front_of(host, chat, **limits) as engine:
        return engine


def test_a_server_that_is_not_the_one_is_told_at_once(chat: Chat) -> None:
    with standing_in(StandIn(says(), models=[{"id": "other"}, {"id": "third"}])) as there:
        with pytest.raises(TunesmithError, match="engine-model") as told:
            opened(there.host, chat)
        assert "other, third" in told.value.message()
        assert there.url in str(told.value)  # whoever starts it wants to know
        url = there.url
    with pytest.raises(RunFailed, match="engine-unreachable"):
        opened(Host(url=url, model=MODEL), chat)
    with standing_in(StandIn(says())) as there:
        there.answer = lambda asked: asked.whole(403, {})  # type: ignore[method-assign]
        with pytest.raises(RunFailed, match="engine-status"):
            opened(there.host, chat)


def test_the_key_goes_to_the_address_of_the_recipe_and_nowhere_else(
    chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime(tmp_path, tmp_path, secrets={"THE_KEY": "s3cret"})
    with standing_in(StandIn(says())) as elsewhere, standing_in(StandIn(says())) as there:
        monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
        monkeypatch.setenv("ALL_PROXY", elsewhere.url)
        there.act = lambda asked: asked.whole(307, {}, location=f"{elsewhere.url}/chat/completions")
        host = Host(url=f"{there.url}/", model=MODEL, key="THE_KEY")
        engine = RemoteEngine(upstream_at(host, runtime), chat, max_tokens=512)
        (heard,) = hear(engine, [asking("hi")])
        engine.close()
        assert heard.last.failure is not None
        assert heard.last.failure.code == "engine-status"
        assert there.keys == ["Bearer s3cret"]
        assert elsewhere.keys == elsewhere.paths == []
    with pytest.raises(TunesmithError, match="endpoint-key"):
        upstream_at(Host(url="http://127.0.0.1:1/v1", model=MODEL, key="OTHER"), runtime)


def test_closing_lets_answers_end_and_cancels_the_rest(chat: Chat) -> None:
    goes_on = threading.Event()

    def act(asked: Asked) -> None:
        asked.stream(piece("first"))
        goes_on.wait(PATIENCE_SECONDS)
        for event in (piece(" and last", "stop"), "[DONE]"):
            asked.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())

    for drain_seconds, text, reason in ((PATIENCE_SECONDS, "first and last", "stop"), (0.0, "first", "cancelled")):
        goes_on.clear()
        with standing_in(StandIn(act)) as there, in_front_of(there.host, chat) as engine:
            heard, begun = Heard(), threading.Event()
            engine.submit(asking("hi"), lambda delta, heard=heard, begun=begun: (heard(delta), begun.set())[0])  # type: ignore[misc]
            assert begun.wait(PATIENCE_SECONDS)
            closing = threading.Thread(target=engine.close, args=(drain_seconds,))
            closing.start()
            if drain_seconds:
                goes_on.set()
            closing.join(PATIENCE_SECONDS)
            assert (heard.wait().text, heard.last.finish_reason) == (text, reason)
            goes_on.set()
            engine.close()
            for work in (lambda: engine.submit(asking("hi"), Heard()), lambda: engine.score([5, 6], [1], None)):
                with pytest.raises(RunFailed, match="engine-closed"):
                    work()


def test_who_waits_for_scores_is_told_that_it_closes(chat: Chat) -> None:
    there, asked_for, let_go = knowing(chat), threading.Event(), threading.Event()
    with standing_in(there), in_front_of(there.host, chat) as engine:
        there.score = lambda ids: (asked_for.set(), let_go.wait(PATIENCE_SECONDS), likely(ids))[2]
        told: list[BaseException] = []

        def score() -> None:
            try:
                engine.score([5, 6], [1], None)
            except RunFailed as failure:
                told.append(failure)

        waiting = threading.Thread(target=score)
        waiting.start()
        assert asked_for.wait(PATIENCE_SECONDS)
        engine.close()
        waiting.join(PATIENCE_SECONDS)
        let_go.set()
    assert [str(each) for each in told] == [str(RunFailed("engine-closed"))]


def test_who_is_gone_ends_only_its_own_answer(chat: Chat) -> None:
    def gone(delta: object) -> None:
        raise RuntimeError("the loop is closed")

    with standing_in(StandIn(says(piece("a")))) as there, in_front_of(there.host, chat) as engine:
        engine.submit(asking("hi"), gone)
        assert hear(engine, [asking("hi")])[0].text == "a"
        engine.close(PATIENCE_SECONDS)
        assert engine.load().num_running == 0
