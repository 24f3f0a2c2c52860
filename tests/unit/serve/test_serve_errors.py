"""Every failure leaves in OpenAI's envelope, with a hint, in the caller's language, and without what was sent."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
import sqlalchemy
from guard_material import SayingEngine, chat, server
from starlette.datastructures import Headers

from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.serve.errors import KNOWN_AS, PROBLEMS, STATUSES, Refused, envelope, language_asked, status_of
from tunesmith.store.open import writing

CHAT = "/v1/chat/completions"


def test_the_envelope_is_the_one_that_the_client_of_openai_reads() -> None:
    told = envelope(Refused("tokens-spent", param="messages", limit=5), "en")["error"]
    assert set(told) == {"message", "type", "param", "code", "hint"}
    read = openai.APIStatusError.__new__(openai.APIStatusError)
    openai.APIError.__init__(read, "message", request=None, body=told)  # type: ignore[arg-type]
    assert (read.code, read.param, read.type) == ("rate_limit_exceeded", "messages", "rate_limit_error")
    assert "5 tokens a minute" in str(told["message"])


def test_a_failure_has_its_status_and_the_field_of_its_place() -> None:
    assert [status_of(Refused(code)) for code in ("key-wrong", "key-scope", "too-busy", "body-slow")] == [
        401,
        403,
        429,
        408,
    ]
    assert status_of(TunesmithError("anything")) == 400
    assert status_of(RunFailed("anything")) == 500
    assert status_of(TunesmithError("engine-closed")) == 503
    placed = TunesmithError("recipe-missing", place=Place("request", field="model"))
    assert envelope(placed, "en")["error"]["param"] == "model"


def test_every_status_and_alias_is_of_a_code_that_exists() -> None:
    codes = {key.removeprefix("error.") for key in CATALOGUE if key.startswith("error.")}
    assert sorted((STATUSES.keys() | KNOWN_AS.keys()) - codes) == []
    assert sorted({f"request.problem.{name}" for name in PROBLEMS.values()} - CATALOGUE.keys()) == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        *(("", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.9", "en"), ("de, fr", "en")),
        *(("de;q=1, zh-Hans;q=0.1", "zh"), ("en;q=0.2, zh;q=0.7", "zh"), ("ZH-tw", "zh"), ("zh;q=0", "en")),
        *(("zh;q=nan", "en"), ("zh;q=2", "en"), ("zh;q=", "en"), (",;=,", "en"), ("zh" * 500, "en"), ("*", "en")),
    ],
)
def test_the_language_is_the_first_of_ours_that_the_caller_accepts(accepted: str, language: str) -> None:
    assert language_asked(Headers({"accept-language": accepted}), "en") == language


def test_errors_come_in_the_language_of_the_caller(tmp_path: Path) -> None:
    served = server(tmp_path)
    for accepted, message, hint in (
        ("en", "there is nothing at this address", "list the models"),
        ("zh-CN", "该地址下没有任何内容", "可列出模型"),
    ):
        told = served.ask("GET", "/nothing", headers=[("accept-language", accepted)]).json["error"]
        assert told["message"] == message
        assert hint in told["hint"]
    refused = served.ask("GET", "/v1/models", headers=[("host", "evil.example"), ("accept-language", "zh")])
    assert "Host" in refused.json["error"]["message"]
    assert any("\u4e00" <= character <= "\u9fff" for character in refused.json["error"]["message"])


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/v2/models", None, 404, "route-unknown"),
        ("GET", CHAT, None, 405, "method-unserved"),
        ("POST", CHAT, b"{", 400, "body-json"),
        ("POST", CHAT, b"x" * 2_000_000, 413, "body-too-large"),
        ("POST", CHAT, {"model": "another", "messages": [{"role": "user", "content": "a"}]}, 404, "model_not_found"),
    ],
)
def test_each_kind_of_bad_request_has_its_status(
    tmp_path: Path, method: str, target: str, body: Any, status: int, code: str
) -> None:
    answer = server(tmp_path).ask(method, target, body)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"]["hint"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert answer.headers["allow"] == "POST"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (chat(temperature=-1), "temperature", "at least 0"),
        (chat(temperature="hot"), "temperature", "a number"),
        (chat(top_p=0), "top_p", "greater than 0"),
        (chat(n=0), "n", "at least 1"),
        (chat(n=1.5), "n", "a whole number"),
        (chat(stream="yes"), "stream", "`true` or `false`"),
        (chat(nonsense=1), "nonsense", "no field"),
        ({"model": "support"}, "messages", "missing"),
        ({**chat(), "messages": []}, "messages", "at least 1 entries"),
        ({**chat(), "messages": "hello"}, "messages", "a list"),
        ({**chat(), "messages": [{"role": "user"}]}, "messages[0]", ""),
        ([], "body", "an object"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, body: Any, param: str, said: str) -> None:
    answer = server(tmp_path).ask("POST", CHAT, body)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert said in answer.json["error"]["message"]


def test_the_name_of_an_unknown_field_is_told_only_where_it_is_a_name(tmp_path: Path) -> None:
    served = server(tmp_path)
    for name in ("hf_" + "a" * 5000, "<script>", "名", "a b", "x\n", "a.b"):
        answer = served.ask("POST", CHAT, chat(**{name: 1}))
        assert answer.status == 400
        assert len(answer.body) < 1000
        assert name not in answer.body.decode()


def test_a_defect_gives_an_id_and_no_text(tmp_path: Path) -> None:
    engine = SayingEngine(fails_with=lambda prompt: ValueError(f"cannot read {prompt}"))
    answer = server(tmp_path, engine=engine).ask("POST", CHAT, chat("my dog is called Rex"))
    assert (answer.status, answer.code) == (500, "request-failed")
    assert answer.headers["x-request-id"] in answer.json["error"]["message"]
    assert "Rex" not in answer.body.decode()
    assert "ValueError" not in answer.body.decode()


def test_what_helps_later_says_when(tmp_path: Path) -> None:
    engine = SayingEngine(fails_with=lambda prompt: TunesmithError("queue-full", limit=4, waiting=4))
    answer = server(tmp_path, engine=engine).ask("POST", CHAT, chat())
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    served = server(tmp_path / "other")
    served.guards.readiness.drain()
    answer = served.ask("POST", CHAT, chat())
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "not-ready", "1")


def test_a_socket_is_refused_before_it_is_accepted(tmp_path: Path) -> None:
    sent = []

    async def open_one() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await server(tmp_path).app({"type": "websocket", "path": "/v1/models", "headers": []}, receive, send)

    asyncio.run(open_one())
    assert sent == ["websocket.close"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_database_says_is_not_told_to_callers(language: str) -> None:
    said = 'connection to server at "10.7.0.5" failed: FATAL: password authentication failed for user "bot"'
    for code in ("store-unavailable", "store-failed", "store-key-other", "store-key-missing"):
        failure = RunFailed(code, place=Place("postgresql://bot@10.7.0.5/desk"), problem=said)
        told = envelope(failure, language)["error"]
        assert (told["code"], status_of(failure)) == (code, 503)
        assert not any(word in f"{told}" for word in ("10.7", "bot", "store.key"))


def test_a_database_that_is_broken_is_told_as_down_before_a_key_is_known(tmp_path: Path) -> None:
    served = server(tmp_path, {"keys": True})
    with writing(served.store.database) as connection:
        connection.exec_driver_sql("DROP TABLE keys")
    answer = served.ask("POST", CHAT, chat(), headers=[("authorization", "Bearer any")])
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store-unavailable", "1")
    assert b"table" not in answer.body


def test_a_database_whose_connections_are_all_in_use_is_told_as_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = server(tmp_path, {"keys": True})
    database = served.store.database
    monkeypatch.setattr(database.pool, "_timeout", 0.05)
    with ExitStack() as held:
        for _ in range(15):  # five, and ten when these are in use
            held.enter_context(database.connect())
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            database.connect()
        answer = served.ask("POST", CHAT, chat(), headers=[("authorization", "Bearer any")])
    told = answer.json["error"]
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store-unavailable", "1")
    assert (told["type"], set(told)) == ("server_error", {"message", "type", "param", "code", "hint"})
    assert b"QueuePool" not in answer.body
    again = served.ask("POST", CHAT, chat(), headers=[("authorization", "Bearer any")])
    assert again.status == 401
