"""The chat in the terminal: what is shown, what is remembered, and where it comes from."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from httpx2 import Client, MockTransport, Request, Response
from serving_material import BASE, NOW, TUNED, ScriptedEngine, says

from tunesmith.chat.stream import Split
from tunesmith.cli.chat import chat
from tunesmith.cli.conversation import Conversation, Talk, local_talk, remote_talk
from tunesmith.cli.session import OPTIONS
from tunesmith.errors import TunesmithError
from tunesmith.records import Message
from tunesmith.serve.deployment import Facts, Served
from tunesmith.serve.start import Opened


def talk_of(*pieces: Split) -> tuple[Talk, list[list[Message]]]:
    heard: list[list[Message]] = []

    def talk(messages: list[Message]) -> Generator[Split, None, None]:
        heard.append(list(messages))
        yield from pieces

    return talk, heard


def converse(talk: Talk, typed: str, monkeypatch: pytest.MonkeyPatch, first: list[Message] | None = None) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    Conversation(talk, first or []).run()


def test_thinking_is_folded_and_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talk, _ = talk_of(Split("so it", ""), Split(" is", ""), Split("", "Yes"), Split("", ".\x1b[2J"))
    converse(talk, "really?\n／ｔｈｉｎｋ\n/QUIT\nnever\n", monkeypatch)
    shown = capsys.readouterr().out
    folded, said, opened = shown.splitlines()
    assert "8" in folded
    assert "so it is" not in folded
    assert said == "Yes.[2J"  # nothing that a terminal would obey
    assert opened == "so it is"


def test_what_was_said_is_remembered_until_it_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    talk, heard = talk_of(Split("t", "ok"))
    first = [Message("system", "Be brief.")]
    converse(talk, "one\n\ntwo\n/reset\nthree\n", monkeypatch, first)
    one, answer = Message("user", "one"), Message("assistant", "ok", "t")
    assert heard == [
        [*first, one],
        [*first, one, answer, Message("user", "two")],
        [*first, Message("user", "three")],
    ]


def test_ctrl_c_stops_an_answer_and_not_the_conversation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = []

    def talk(messages: list[Message]) -> Generator[Split, None, None]:
        try:
            yield Split("", "half")
            raise KeyboardInterrupt
        finally:
            closed.append(len(messages))

    converse(talk, "one\ntwo\n", monkeypatch)
    assert capsys.readouterr().out.splitlines() == ["half", "half"]
    assert closed == [1, 3]


def test_with_json_every_answer_is_a_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(OPTIONS, "json", True)
    talk, _ = talk_of(Split("t", "ok"))
    converse(talk, "one\n", monkeypatch)
    assert json.loads(capsys.readouterr().out) == {"content": "ok", "reasoning": "t"}


def opened(engine: ScriptedEngine) -> Opened:
    models = (Served(TUNED, TUNED, "b", NOW), Served(BASE, None, "a", NOW))
    return Opened(engine, Facts(TUNED, "adapter"), models)


def test_a_bundle_in_this_process_answers(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("<think>hm</th", "ink>Yes", "."))
    pieces = list(local_talk(opened(engine), None, 9)([Message("user", "x")]))
    assert ("".join(p.reasoning for p in pieces), "".join(p.content for p in pieces)) == ("hm", "Yes.")
    assert (engine.asked[0].adapter, engine.asked[0].sampling.max_new_tokens) == (TUNED, 9)
    list(local_talk(opened(engine), BASE, 9)([Message("user", "x")]))
    assert engine.asked[1].adapter is None
    with pytest.raises(TunesmithError, match="model-unknown"):
        local_talk(opened(engine), "other", 9)


def test_an_answer_that_is_left_is_cancelled(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("a", "b"))
    engine.goes_on.clear()
    pieces = local_talk(opened(engine), None, 9)([Message("user", "x")])
    assert next(pieces) == Split("", "a")
    pieces.close()
    assert engine.idle()


def events(*told: object) -> Response:
    """Characters stand as they are."""
    said = "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in told)
    return Response(200, text=f"{said}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def test_what_unicode_ends_lines_by_ends_no_event() -> None:
    """Of another server too, which tells thinking by its other name."""
    deltas = [{"reasoning": "a\u2028b"}, {"content": "one\u2028two\x85three"}]

    def answer(request: Request) -> Response:
        return events(*({"choices": [{"delta": delta}]} for delta in deltas))

    with Client(transport=MockTransport(answer), base_url="http://127.0.0.1:8000/v1/") as client:
        pieces = list(remote_talk(client, "x")([Message("user", "a")]))
    assert pieces == [Split("a\u2028b", ""), Split("", "one\u2028two\x85three")]


@pytest.mark.parametrize("content", ["<html>Welcome</html>", '{"data": []}', "[]"])
def test_what_names_no_model_is_told(content: str) -> None:
    with Client(
        transport=MockTransport(lambda request: Response(200, text=content)), base_url="http://127.0.0.1:8000/"
    ) as client:
        with pytest.raises(TunesmithError, match="chat-server") as refused:
            remote_talk(client, None)
        assert content in refused.value.message()


def test_a_server_answers_and_its_failures_are_told() -> None:
    lines = [
        {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"reasoning_content": "hm", "reasoning": "hm"}}]},
        {"choices": [{"delta": {"content": "Yes."}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    ]
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        if request.url.path == "/v1/models":
            return Response(200, json={"data": [{"id": TUNED}]})
        if len(asked) > 2:
            return Response(503, json={"error": {"message": "busy"}})
        return events(*lines)

    with Client(transport=MockTransport(answer), base_url="http://127.0.0.1:8000/v1/") as client:
        talk = remote_talk(client, None)
        said = [Message("user", "a"), Message("assistant", "b", "thought"), Message("user", "c")]
        pieces = list(talk(said))
        assert ("".join(p.reasoning for p in pieces), "".join(p.content for p in pieces)) == ("hm", "Yes.")
        sent = json.loads(asked[1].content)
        assert (sent["model"], sent["stream"]) == (TUNED, True)
        assert sent["messages"][1] == {"role": "assistant", "content": "b", "reasoning_content": "thought"}
        with pytest.raises(TunesmithError, match="chat-server"):
            list(talk(said))


@pytest.mark.parametrize("event", ['{"choices"', "[1]", '{"choices": 3}', '{"error": "bad"}', '{"error": {"code": 5}}'])
def test_a_stream_that_is_no_answer_is_told(event: str) -> None:
    reply = Response(200, text=f"data: {event}\n\n", headers={"content-type": "text/event-stream"})
    with Client(transport=MockTransport(lambda request: reply), base_url="http://127.0.0.1:8000/") as client:
        with pytest.raises(TunesmithError, match="chat-server") as refused:
            list(remote_talk(client, "x")([Message("user", "a")]))
        assert refused.value.message()


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(TunesmithError, match="chat-server") as refused:
        chat(url="http://[::1")
    assert str(refused.value.place) == "http://[::1"
