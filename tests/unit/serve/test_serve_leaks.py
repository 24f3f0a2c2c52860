"""Planted secrets are in no byte that the server writes of itself, however it fails; figures and lines say the rest."""

from __future__ import annotations

import base64
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from guard_material import MODEL, SayingEngine, Server, chat, server

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.serve import answers
from tunesmith.serve.log import FIELDS, SafeFormatter, log_config
from tunesmith.store import NewKey, create_key

HF_TOKEN = "hf_QxZvPlantedTokenOfTheHub0123456789"
NAME = "Wilhelmina Quackenbush"
PROMPT = "Why is the \u00fcber-secret “Projekt Nachtigall” late?"
ANSWER = "Because of the zymurgist’s 鹦鹉."
CHAT = "/v1/chat/completions"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that any logger writes with the server's configuration."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    names = [name or None for name in ("", *log_config()["loggers"])]
    kept = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names}
    for name in names:
        logging.getLogger(name).handlers = [handler] if name not in ("uvicorn.access",) else []
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).propagate = False
    yield stream
    for name, (handlers, level) in kept.items():
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = True


def forms(secret: str) -> set[bytes]:
    """What it may look like: plain, its beginning, quoted for URLs, in base64 at any offset, as repr, as JSON."""
    plain = secret.encode()
    shifted = {base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)}
    texts = {quote(secret), quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1], secret.lower()}
    return {plain, plain.hex().encode(), secret.encode("utf-16-le"), *shifted, *(text.encode() for text in texts)}


def leaks(content: bytes, secrets: list[str]) -> list[str]:
    folded = content.lower()
    return [secret for secret in secrets if any(form in content or form.lower() in folded for form in forms(secret))]


def provoke(served: Server, key: str) -> list[bytes]:
    """Answers to requests that hold secrets wherever a request can hold one, and fail in every way that they can."""
    told = []
    bearer = ("authorization", f"Bearer {key}")
    said = f"{PROMPT} Ask {NAME}, {HF_TOKEN}."
    failures = (
        None,
        lambda prompt: ValueError(f"cannot encode {prompt}"),
        lambda prompt: RuntimeError(prompt),
        lambda prompt: KeyError(prompt),
        lambda prompt: RunFailed("disk-full"),
        lambda prompt: TunesmithError("engine-closed"),
        lambda prompt: UnicodeDecodeError("utf-8", prompt.encode(), 0, 1, prompt),
    )
    for failure in failures:
        served.engine.fails_with = failure
        for more in ({}, {"stream": True}):
            told.append(served.ask("POST", CHAT, chat(said, user=NAME, **more), headers=[bearer]).body)
        for target, field in (("/v1/embeddings", "input"), ("/v1/completions", "prompt"), ("/v1/classify", "input")):
            told.append(served.ask("POST", target, {"model": MODEL, field: said}, headers=[bearer]).body)
    served.engine.fails_with = None
    for target in (f"/v1/{HF_TOKEN}", f"/{quote(PROMPT)}?token={HF_TOKEN}", f"/v1/models/{quote(NAME)}"):
        for method in ("GET", "POST", HF_TOKEN):
            told.append(served.ask(method, target, headers=[bearer, ("x-token", HF_TOKEN), ("cookie", NAME)]).body)
    for body in (
        said.encode(),
        json.dumps({said: said}).encode(),
        json.dumps(chat(said, n=NAME)).encode(),
        b"\xff" + said.encode(),
    ):
        told.append(served.ask("POST", CHAT, body, headers=[bearer]).body)
    told.append(served.ask("POST", CHAT, chat(said), headers=[("authorization", f"Bearer {HF_TOKEN}")]).body)
    told.append(served.ask("GET", "/v1/models", headers=[bearer, ("host", f"{HF_TOKEN}.example")]).body)
    told.append(served.ask("GET", "/v1/models", headers=[bearer, ("origin", f"https://{HF_TOKEN}")]).body)
    return told


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["off", "metadata"])
def test_planted_secrets_are_in_no_byte_that_is_written(tmp_path: Path, written: io.StringIO, policy: str) -> None:
    served = server(tmp_path, {"keys": True, "record": policy}, SayingEngine((ANSWER,)))
    _, key = create_key(served.store, NewKey("canary", frozenset({"infer", "feedback"})))
    _, admin = create_key(served.store, NewKey("watcher", frozenset({"metrics"})))
    told = provoke(served, key)
    served.store.flush()
    figures = served.ask("GET", "/metrics", headers=[("authorization", f"Bearer {admin}")]).body
    assert b"tunesmith_http_requests_total" in figures
    served.store.close()
    secrets = [key, key.split("-", 2)[2], admin, HF_TOKEN, NAME, PROMPT, PROMPT[:16], ANSWER, "Quackenbush"]
    assert written.getvalue().count("request failed") >= 10  # the provocations did provoke
    assert leaks(written.getvalue().encode(), secrets) == []
    assert leaks(figures, secrets) == []
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "store.db" for file in files)
    assert {str(file): leaks(file.read_bytes(), secrets) for file in files if leaks(file.read_bytes(), secrets)} == {}
    # a name that is asked for is told back, such as that of a model
    errors = b"".join(body for body in told if b'"error"' in body and b"model_not_found" not in body)
    assert errors.count(b'"error"') >= 30
    assert leaks(errors, [key, HF_TOKEN, PROMPT, PROMPT[:16], "Quackenbush"]) == []


def test_the_search_for_leaks_finds_them() -> None:
    for form in forms(PROMPT):
        assert leaks(b"before" + form + b"behind", [PROMPT]) == [PROMPT]
    assert leaks(base64.b64encode(f"some {HF_TOKEN} text".encode()), [HF_TOKEN]) == [HF_TOKEN]


def test_a_line_of_the_log_holds_the_fields_on_the_list_and_no_other(tmp_path: Path, written: io.StringIO) -> None:
    served = server(tmp_path)
    answer = served.ask("POST", CHAT, chat(PROMPT))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    line = next(line for line in lines if line["event"] == "request")
    assert line.keys() <= {"time", "level", "event", *FIELDS}
    assert {name: line[name] for name in ("route", "method", "status", "model", "num_prompt_tokens", "num_tokens")} == {
        "route": CHAT,
        "method": "POST",
        "status": 200,
        "model": MODEL,
        "num_prompt_tokens": 5,
        "num_tokens": 1,
    }
    assert line["exchange"] == answer.json["tunesmith"]["exchange"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["finish_reason"] == "stop"


def test_a_defect_is_told_by_its_place_without_its_text(tmp_path: Path, written: io.StringIO) -> None:
    engine = SayingEngine(fails_with=lambda prompt: ValueError(prompt))
    answer = server(tmp_path, engine=engine).ask("POST", CHAT, chat(PROMPT))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    line = next(line for line in lines if line["event"] == "request failed")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["error"]["type"] == "ValueError"
    assert any("guard_material.py" in frame and frame.endswith("_fail") for frame in line["error"]["frames"])


def test_what_other_libraries_log_loses_its_values(written: io.StringIO) -> None:
    try:
        raise RuntimeError(HF_TOKEN)
    except RuntimeError as failure:
        for name in ("uvicorn.error", "asyncio", "sqlalchemy.engine", "transformers"):
            logging.getLogger(name).error("Exception in %s\n", HF_TOKEN, exc_info=failure)
            logging.getLogger(name).error(f'Traceback\n  File "a.py", line 3, in b\nRuntimeError: {HF_TOKEN}')
    logging.getLogger("sqlalchemy.engine").warning("parameters %s", HF_TOKEN)
    logging.getLogger("uvicorn.access").info("GET /%s", HF_TOKEN)
    assert leaks(written.getvalue().encode(), [HF_TOKEN]) == []
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {"frames": ["a.py:3 b"]} in [line.get("error") for line in lines]
    assert {line["error"]["type"] for line in lines if "type" in line.get("error", {})} == {"RuntimeError"}


def test_the_configuration_of_the_log_can_be_set_up() -> None:
    names = [name or None for name in ("", *log_config()["loggers"])]
    kept = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names}
    logging.config.dictConfig(log_config())
    handlers = logging.getLogger("uvicorn.error").handlers
    assert [type(handler.formatter) for handler in handlers] == [SafeFormatter]
    assert logging.getLogger("uvicorn.access").handlers == []
    for name, (handlers, level) in kept.items():
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = True


def figures(served: Server) -> dict[str, float]:
    text = served.ask("GET", "/metrics").body.decode()
    rows = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def test_figures_are_those_of_the_requests(tmp_path: Path) -> None:
    served = server(tmp_path, engine=SayingEngine(("One", " two.", " Three.")))
    for _ in range(2):
        served.ask("POST", CHAT, chat())
    served.ask("POST", CHAT, chat(model="nobody"))
    served.ask("GET", "/nothing")
    served.ask("BREW", "/v1/models")
    found = figures(served)
    ours = f'model_name="{MODEL}"'
    assert found[f'tunesmith_http_requests_total{{method="POST",route="{CHAT}",status="200"}}'] == 2
    assert found['tunesmith_http_requests_total{method="GET",route="unrouted",status="404"}'] == 1
    assert found['tunesmith_http_requests_total{method="other",route="/v1/models",status="405"}'] == 1
    assert found['tunesmith_requests_refused_total{reason="model-unknown"}'] == 1
    assert found[f'tunesmith_request_success_total{{finished_reason="stop",{ours}}}'] == 2
    assert found[f"tunesmith_prompt_tokens_total{{{ours}}}"] == 10
    assert found[f"tunesmith_generation_tokens_total{{{ours}}}"] == 6
    assert found[f"tunesmith_time_to_first_token_seconds_count{{{ours}}}"] == 2
    assert found[f"tunesmith_time_per_output_token_seconds_count{{{ours}}}"] == 2
    assert found[f"tunesmith_e2e_request_latency_seconds_count{{{ours}}}"] == 2
    assert (found["tunesmith_num_requests_running"], found["tunesmith_num_requests_waiting"]) == (1, 2)
    assert found["tunesmith_kv_cache_usage_perc"] == 0.25
    assert found["tunesmith_http_requests_in_flight"] == 1  # this one
    assert (found["tunesmith_ready"], found["tunesmith_records_dropped"]) == (1, 0)


def test_each_of_several_answers_tells_its_own_seconds_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks whenever it is read: at three tokens and at the end of one answer, then of the other."""
    monkeypatch.setattr(answers, "time", SimpleNamespace(perf_counter=partial(next, count(0.0))))
    served = server(tmp_path, engine=SayingEngine(("One", " two.", " Three.")))
    assert served.ask("POST", CHAT, chat(n=2)).status == 200
    found = figures(served)
    ours = f'model_name="{MODEL}"'
    assert found[f"tunesmith_time_per_output_token_seconds_count{{{ours}}}"] == 2
    assert found[f"tunesmith_time_per_output_token_seconds_sum{{{ours}}}"] == 2 * 3.0 / 2
    assert found[f"tunesmith_time_to_first_token_seconds_count{{{ours}}}"] == 1


def test_what_failed_is_no_success(tmp_path: Path) -> None:
    engine = SayingEngine(fails_with=lambda prompt: TunesmithError("queue-full", waiting=1))
    served = server(tmp_path, engine=engine)
    assert served.ask("POST", CHAT, chat()).status == 429
    found = figures(served)
    assert found['tunesmith_requests_refused_total{reason="queue-full"}'] == 1
    assert not any(name.startswith("tunesmith_request_success_total") for name in found)


def test_no_caller_makes_new_series(tmp_path: Path) -> None:
    served = server(tmp_path)
    before = set(figures(served))
    served.ask("POST", CHAT, chat(model="first"))
    served.ask("BREW", "/first")
    served.ask("GET", "/v1/models/first")
    few = set(figures(served))
    for number in range(50):
        served.ask("POST", CHAT, chat(model=f"m{number}", user=f"u{number}"))
        served.ask(f"BREW{number}", f"/{number}")
        served.ask("GET", f"/v1/models/{number}")
    assert set(figures(served)) == few
    assert before < few
