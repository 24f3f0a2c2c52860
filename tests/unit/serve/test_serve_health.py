"""The server is ready only while its engine finds the certified answers as likely as the certificate says."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from guard_material import SayingEngine, ask, chat, server

from tunesmith.artifacts.bundle import CANARIES, CERTIFICATE, Bundle, BundleBody, Canary, Certificate
from tunesmith.artifacts.folder import Manifest
from tunesmith.errors import TunesmithError
from tunesmith.serve.app import make_app
from tunesmith.serve.errors import Refused
from tunesmith.serve.health import STUCK_SECONDS, Proving, Readiness

CANARY = Canary(prompt=[("user", "Hello?")], answer_ids=[1, 2, 3], log_probabilities=[-1.0, -1.0, -1.0])


def readiness(engine: SayingEngine, tolerance: float = 0.05, now: list[float] | None = None) -> Readiness:
    clock = time.monotonic if now is None else lambda: now[0]
    return Readiness(engine, Proving([CANARY], tolerance, None), clock)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (-1.0, None),
        (-1.05, None),
        (-0.96, None),
        (-1.0501, "differs"),
        (-0.94, "differs"),
        (math.nan, "differs"),
        (-math.inf, "differs"),
    ],
)
def test_it_is_ready_where_the_canaries_are_as_likely_as_certified(scores: float, reason: str | None) -> None:
    found = readiness(SayingEngine(scores=scores), 0.05 + 1e-12)
    assert found.reason == "starting"
    with pytest.raises(Refused, match="not-ready"):
        found.check()
    found.prove()
    assert found.reason == reason


def test_the_worst_token_of_all_canaries_counts() -> None:
    other = CANARY.model_copy(update={"log_probabilities": [-1.0, -1.0, -1.3]})
    assert Proving([CANARY, other], 0.1, None).difference(SayingEngine()) == pytest.approx(0.3)


def test_an_answer_of_another_length_is_a_defect_and_not_ready() -> None:
    class Short(SayingEngine):
        def score(self, *given: object) -> list[float]:
            return [-1.0]

    found = readiness(Short())
    found.prove()
    assert found.reason == "engine"


def test_a_weight_that_changes_while_it_serves_is_seen_by_the_next_proof() -> None:
    engine = SayingEngine()
    found = readiness(engine)
    found.prove()
    engine.scores = -1.2
    assert found.reason is None
    found.prove()
    assert found.reason == "differs"
    engine.scores = -1.0
    found.prove()
    assert found.reason is None


def test_an_engine_that_fails_is_not_ready_and_one_that_is_busy_stays_what_it_was() -> None:
    engine = SayingEngine()
    found = readiness(engine)
    found.prove()
    engine.fails_with = lambda prompt: TunesmithError("queue-full", limit=4, waiting=4)
    found.prove()
    assert found.reason is None
    for failure in (TunesmithError("engine-closed"), RuntimeError("dead")):
        engine.fails_with = lambda prompt, failure=failure: failure
        found.prove()
        assert found.reason == "engine"


def test_an_engine_that_is_stuck_is_not_ready() -> None:
    now, reasons = [0.0], []

    class Stuck(SayingEngine):
        def score(self, *given: object) -> list[float]:
            for now[0] in (1.0, STUCK_SECONDS + 1.0):
                reasons.append(found.reason)
            return super().score(*given)  # type: ignore[arg-type]

    found = readiness(Stuck(), now=now)
    found.prove()
    now[0] = 0.0
    reasons.clear()
    found.prove()
    assert reasons == [None, "engine"]
    assert found.reason is None


def test_it_proves_by_itself_and_ends() -> None:
    found = readiness(SayingEngine())
    found.start()
    deadline = time.monotonic() + 5
    while found.reason is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert found.reason is None
    found.close()
    assert not found._thread.is_alive()
    readiness(SayingEngine()).close()  # was never started


def test_who_drains_takes_nothing_new_and_lives(tmp_path: Path) -> None:
    served = server(tmp_path)
    assert (served.ask("GET", "/livez").json, served.ask("GET", "/readyz").json) == (
        {"status": "alive"},
        {"status": "ready"},
    )
    served.guards.readiness.drain()
    assert served.ask("GET", "/livez").status == 200
    answer = served.ask("GET", "/readyz")
    assert (answer.status, answer.code) == (503, "not-ready")
    assert "stopping" in answer.json["error"]["message"]
    assert served.ask("POST", "/v1/chat/completions", chat()).status == 503
    assert served.ask("GET", "/v1/models").status == 200
    assert "tunesmith_ready 0.0" in served.ask("GET", "/metrics").body.decode()


def test_without_canaries_the_engine_only_has_to_be_there() -> None:
    found = Readiness(SayingEngine(), None)
    assert found.reason is None
    found.prove()
    assert found.reason is None


def certified(folder: Path, scores: float) -> Bundle:
    """The files of a bundle that a server proves its model by."""
    folder.mkdir()
    certificate = Certificate(
        precision="fp32", device="cpu", prompts={}, limits={}, figures=[], canary_tolerances={"merged": 0.05}
    )
    (folder / CERTIFICATE).write_text(certificate.model_dump_json(), encoding="utf-8")
    canary = CANARY.model_copy(update={"log_probabilities": [scores] * 3})
    (folder / CANARIES).write_text(canary.model_dump_json() + "\n", encoding="utf-8")
    return Bundle(folder, cast(Manifest, None), cast(BundleBody, None))


@pytest.mark.parametrize(("scores", "status", "said"), [(-1.02, 200, ""), (-1.2, 503, "as certified")])
def test_answers_wait_for_the_proof_of_the_bundle(tmp_path: Path, scores: float, status: int, said: str) -> None:
    served = server(tmp_path)
    deployment = replace(served.deployment, bundle=certified(tmp_path / "bundle", scores))
    made = make_app(deployment)
    starting = ask(made.app, "POST", "/v1/chat/completions", chat())
    assert (starting.status, starting.code) == (503, "not-ready")
    assert "starting" in starting.json["error"]["message"]
    made.guards.readiness.prove()
    answer = ask(made.app, "POST", "/v1/chat/completions", chat())
    assert (answer.status, ask(made.app, "GET", "/readyz").status) == (status, status)
    assert said in answer.body.decode()
    uncertified = replace(deployment, facts=replace(deployment.facts, form="int8"))
    made = make_app(uncertified)
    made.guards.readiness.prove()
    assert made.guards.readiness.reason == "differs"
