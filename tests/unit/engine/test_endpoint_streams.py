"""Answers that come piece by piece from a server of this test: the same ones, timed, bounded, and without where not."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from piece_server import EVENTS, PieceServer, Token, answering, event, pieces, streaming, whole

from tunesmith.engine.endpoint import Endpoint
from tunesmith.engine.reply import MAX_BYTES, BrokenStreamError, Reply, answer_logprob, streamed_reply, whole_reply
from tunesmith.errors import RunFailed
from tunesmith.records import Message

ASK = [(Message("user", "?"),)]
TOKENS: list[Token] = [("退款\u2028", -0.5), (' "so"', -0.25), ("\x85é 😀\n", -1.5)]
"""With characters at which Unicode, but no event, ends a line."""


def endpoint(server: PieceServer, cache: Path, **changes: Any) -> Endpoint:
    told = {"url": server.url, "model": "m", "cache": cache, "wait_seconds": 0.01, "streams": True, **changes}
    return Endpoint(**told)


def heard(chunks: Iterable[bytes]) -> Reply:
    return streamed_reply(chunks, "http://x", time.perf_counter(), 60.0)


def content(reply: Reply) -> dict[str, Any]:
    """Without the times."""
    return {name: value for name, value in asdict(reply).items() if not name.endswith("seconds")}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("thinking", ["", "three\nand four"])
def test_pieces_cut_anywhere_are_the_whole_answer(seed: int, thinking: str) -> None:
    drawn = random.Random(seed)
    noise = [b": ping\n\n", b"event: message\n", b"\r\n", b"id: 4\n"]
    sent = b"".join(one for piece in pieces(TOKENS, thinking=thinking) for one in (drawn.choice(noise), piece))
    if seed % 2:
        sent = sent.replace(b"\n", b"\r\n").replace(b"data: ", b"data:")
    cuts = sorted(drawn.sample(range(len(sent)), 40))
    chunks = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    expected = whole_reply(whole(TOKENS, thinking=thinking).decode(), "http://x", 1.0)
    assert content(heard(chunks)) == content(expected)
    assert expected.mean_logprob == pytest.approx(-0.75)
    assert expected.text.endswith("\x85é 😀\n")
    assert (expected.num_prompt_tokens, expected.num_tokens) == (7, 3)


def test_the_first_piece_is_timed_thinking_included() -> None:
    times: list[float] = []

    def timed() -> Iterator[bytes]:
        for number, piece in enumerate(pieces([("a", -1.0)], thinking="hm")):
            times.append(time.perf_counter())
            yield piece
            if number == 1:  # the roles come before it
                times.append(time.perf_counter())

    started = time.perf_counter() - 3.0
    reply = streamed_reply(timed(), "http://x", started, 60.0)
    assert reply.first_piece_seconds is not None
    assert times[1] - started <= reply.first_piece_seconds <= times[2] - started < reply.seconds
    assert whole_reply(whole([("a", -1.0)]).decode(), "http://x", 1.0).first_piece_seconds is None


def test_an_endpoint_is_asked_in_pieces_once_and_what_was_kept_before_still_reads(tmp_path: Path) -> None:
    with streaming(answering(lambda body: [("Par", -0.1), ("is", -0.2)])) as server:
        old = endpoint(server, tmp_path, streams=False).replies(ASK, [0])
        (file,) = (tmp_path / "replies").iterdir()
        first_form = ("text", "finish_reason", "num_prompt_tokens", "num_tokens", "seconds")
        file.write_text(json.dumps({name: asdict(old[0])[name] for name in first_form}), encoding="utf-8")
        assert endpoint(server, tmp_path).replies(ASK, [0]) == old
        assert (len(server.bodies), old[0].first_piece_seconds) == (1, None)
        (new,) = endpoint(server, tmp_path).replies(ASK, [1])
        assert endpoint(server, tmp_path).replies(ASK, [1]) == [new]
        assert new.first_piece_seconds is not None
        assert 0 < new.first_piece_seconds <= new.seconds
        assert (new.text, new.num_prompt_tokens, new.num_tokens, new.mean_logprob) == ("Paris", 7, 2, None)
        (sure,) = endpoint(server, tmp_path, wants_logprobs=True).replies(ASK, [1])
        assert (sure.mean_logprob, sure.answer_logprob) == (pytest.approx(-0.15), pytest.approx(-0.3))
    assert [body.get("stream") for body in server.bodies] == [None, True, True]
    assert server.bodies[1]["stream_options"] == {"include_usage": True}
    assert [body.get("logprobs") for body in server.bodies] == [None, None, True]


@pytest.mark.parametrize(
    ("names", "problem", "asked"),
    [
        (("stream",), "`stream` is not supported here", [True, None, None]),
        (("stream_options",), "Unknown field: stream_options", [True, True, True]),
        (("stream_options", "stream"), "unexpected {name}", [True, True, None, None]),
        (("logprobs",), "You are not allowed to request logprobs from this model", [True, True, True]),
    ],
)
def test_what_an_endpoint_refuses_is_left_out_from_then_on(
    tmp_path: Path, names: tuple[str, ...], problem: str, asked: list[bool | None]
) -> None:
    plain = answering(lambda body: [("yes", -0.1)])

    def refuses(body: dict[str, Any]) -> tuple[int, str, Iterable[bytes]]:
        named = next((name for name in names if name in body), None)
        if named is not None:
            said = {"error": {"message": problem.replace("{name}", named)}}
            return (403 if named == "logprobs" else 400), "application/json", [json.dumps(said).encode()]
        return plain(body)

    with streaming(refuses) as server:
        found = endpoint(server, tmp_path, wants_logprobs=True, wait_seconds=60.0)  # it would be seen to wait
        assert found.answers(ASK, [0]) == ["yes"]
        assert replace(found, temperature=0.5).answers(ASK, [1]) == ["yes"]
    assert [body.get("stream") for body in server.bodies] == asked
    assert found.refused >= set(names)
    assert all(name not in server.bodies[-1] for name in names)


def test_a_refusal_that_names_nothing_of_it_is_a_failure(tmp_path: Path) -> None:
    def refuses(body: dict[str, Any]) -> tuple[int, str, Iterable[bytes]]:
        return 400, "application/json", [b'{"error": "the upstream has no such model"}']

    with streaming(refuses) as server, pytest.raises(RunFailed, match="endpoint-failed"):
        endpoint(server, tmp_path).replies(ASK, [0])
    assert len(server.bodies) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "broken",
    [
        pieces([("half", -0.1)])[:2],
        [event({"error": {"message": "overloaded", "code": 503}})],
        [],
    ],
)
def test_a_stream_that_breaks_is_asked_for_again(tmp_path: Path, broken: list[bytes]) -> None:
    left = [3]

    def breaks(body: dict[str, Any]) -> tuple[int, str, Iterable[bytes]]:
        left[0] -= 1
        return 200, EVENTS, broken if left[0] >= 0 else pieces([("whole", -0.1)])

    with streaming(breaks) as server:
        assert endpoint(server, tmp_path).answers(ASK, [0]) == ["whole"]
        left[0] = 4
        with pytest.raises(RunFailed) as caught:
            endpoint(server, tmp_path).answers(ASK, [1])
    assert (caught.value.code, len(server.bodies)) == ("endpoint-failed", 8)
    assert ("overloaded" in caught.value.message()) == (len(broken) == 1)


def test_what_comes_without_end_is_given_up() -> None:
    with pytest.raises(BrokenStreamError) as late:
        streamed_reply([b": ping\n"] * 3, "http://x", time.perf_counter() - 10.0, 9.0)
    assert late.value.timed_out
    num_sent = [0]

    def endless() -> Iterator[bytes]:
        while True:
            num_sent[0] += 1
            yield b": " + b"." * (1 << 20) + b"\n"

    with pytest.raises(RunFailed, match="endpoint-answer"):
        heard(endless())
    assert num_sent[0] <= MAX_BYTES >> 20
    for nonsense in (b"data: {half\n", b"data: 5\n", b'data: {"choices": 5}\n'):
        with pytest.raises(RunFailed, match="endpoint-answer"):
            heard([nonsense])


@pytest.mark.parametrize(
    ("tokens", "answer", "expected"),
    [
        ([("re", -0.5), ("fund", -0.25)], "refund", -0.75),
        ([(" re", -0.5), ("fund", -0.25), ("<|im_end|>", -0.125)], "refund", -0.875),
        ([("<|im_", -0.5), ("end|>", -0.25)], "end", None),
        ([("end", -0.5), ("<|end|>", -0.25)], "end", -0.75),
        ([("the refund", -3.0), ("</think>", -2.0), ("\n\n", -1.0), ("refund", -0.5), ("\n", -0.25)], "refund", -0.75),
        ([("ref", -0.5)], "refund", None),
        ([("Refund", -0.5)], "refund", None),
        ([], "refund", None),
        ([("refund", -0.5)], "", None),
    ],
)
def test_the_answer_is_found_among_its_tokens(tokens: list[Token], answer: str, expected: float | None) -> None:
    assert answer_logprob([(text.encode(), value) for text, value in tokens], answer) == expected


def test_tokens_of_parts_of_characters_are_told_by_their_bytes() -> None:
    parts = "退款".encode()
    told = [
        {"token": f"bytes:{number}", "bytes": list(parts[start:end]), "logprob": -1.0}
        for number, (start, end) in enumerate([(0, 2), (2, 4), (4, 6)])
    ]
    choice: dict[str, Any] = {"message": {"content": "退款"}, "logprobs": {"content": told}}
    reply = whole_reply(json.dumps({"choices": [choice]}), "http://x", 1.0)
    assert (reply.answer_logprob, reply.mean_logprob) == (-3.0, -1.0)
    for lacking in ({"content": [{**told[0], "logprob": None}, *told[1:]]}, {"content": None}, {"tokens": ["退款"]}):
        choice["logprobs"] = lacking
        reply = whole_reply(json.dumps({"choices": [choice]}), "http://x", 1.0)
        assert (reply.text, reply.answer_logprob, reply.mean_logprob) == ("退款", None, None)
