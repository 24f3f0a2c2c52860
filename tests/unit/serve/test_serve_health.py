"""The server is ready only while its engine finds the certified answers as likely as the certificate says."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from guard_material import SayingEngine, ask, chat, server

from tunesmith.artifacts.bundle import CANARIES, CERTIFICATE, Bundle, BundleBody, Canary, Certificate
from tunesmith.artifacts.folder import Manifest
from tunesmith.engine.interface import Capabilities, EngineLoad, OnDelta, Request
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.records import Sampling
from tunesmith.serve.app import make_app
from tunesmith.serve.errors import Refused
from tunesmith.serve.health import STUCK_SECONDS, Proving, ProvingByTexts, Readiness

PROMPT = (5, 6)
CANARY = Canary(prompt=[("user", "Hello?")], answer_ids=[1, 2, 3], log_probabilities=[-1.0, -1.0, -1.0])


def readiness(engine: SayingEngine, tolerance: float = 0.05, now: list[float] | None = None) -> Readiness:
    clock = time.monotonic if now is None else lambda: now[0]
    return Readiness(engine, Proving([CANARY], [PROMPT], tolerance, None), clock)


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
    assert Proving([CANARY, other], [PROMPT, PROMPT], 0.1, None).difference(SayingEngine()) == pytest.approx(0.3)


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
    facts = replace(served.deployment.facts, canary_prompts=(PROMPT,))
    deployment = replace(served.deployment, bundle=certified(tmp_path / "bundle", scores), facts=facts)
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


@dataclass
class WritingEngine(SayingEngine):
    """Cannot score, and writes what it is told to."""

    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, False, True, False, False, True))
    num_waiting: int = 0
    asked: list[Request] = field(default_factory=list)

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        self.asked.append(request)
        return super().submit(request, on_delta)

    def load(self) -> EngineLoad:
        return EngineLoad(1, self.num_waiting, 0, 0)


def by_texts(engine: WritingEngine, text: str, *, prefilled: bool = False) -> Readiness:
    return Readiness(engine, ProvingByTexts([CANARY], [text], None, prefilled))


@pytest.mark.parametrize(
    ("certified", "written", "prefilled", "is_ready"),
    [
        ("Yes.", ("Ye", "s."), False, True),
        ("Yes.", ("Yes",), False, False),
        ("Yes.", ("yes.",), False, False),
        ("Yes.", ("",), False, False),
        ("Yes\ufffd", ("Yes",), False, True),  # half a character was cut off
        ("<think>\nhm\n</think>\n\nYes.", ("<think>\nhm\n</think>\n\n", "Yes."), False, True),
        ("hm\n</think>\n\nYes.", ("<think>\nhm\n</think>\n\nYes.",), True, True),
        ("hm\n</think>\n\nYes.", ("<think>\nhum\n</think>\n\nYes.",), True, False),
        ("hm", ("<think>\nhm",), True, True),
    ],
)
def test_an_engine_that_cannot_score_has_to_write_the_certified_answers(
    certified: str, written: tuple[str, ...], prefilled: bool, is_ready: bool
) -> None:
    engine = WritingEngine(answer=written)
    found = by_texts(engine, certified, prefilled=prefilled)
    assert (found.reason, found.proof) == ("starting", "texts")
    found.prove()
    assert found.reason == (None if is_ready else "differs")
    (asked,) = engine.asked
    assert asked.sampling == Sampling(max_new_tokens=len(CANARY.answer_ids))


def test_nothing_written_proves_nothing() -> None:
    found = Readiness(WritingEngine(), ProvingByTexts([], [], None, False))
    found.prove()
    assert found.reason == "differs"


def test_a_proof_by_texts_waits_behind_nobody() -> None:
    engine = WritingEngine()
    found = by_texts(engine, "Yes.")
    engine.num_waiting = 3
    found.prove()
    assert (found.reason, engine.asked) == ("starting", [])
    engine.num_waiting = 0
    found.prove()
    assert found.reason is None
    engine.fails_with = lambda prompt: RunFailed("engine-busy")
    found.prove()
    assert found.reason is None
    engine.fails_with = lambda prompt: RunFailed("engine-unreachable", problem="ConnectError")
    found.prove()
    assert found.reason == "engine"


def test_what_was_not_proved_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server behind the engine may be back in a moment."""
    monkeypatch.setattr("tunesmith.serve.health.PROVE_AGAIN_SECONDS", 0.001)
    engine = WritingEngine(answer=("No.",))
    found = by_texts(engine, "Yes.")
    found.start()
    deadline = time.monotonic() + 5
    while found.reason == "starting" and time.monotonic() < deadline:
        time.sleep(0.001)
    assert found.reason == "differs"
    engine.answer = ("Yes.",)
    while found.reason is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert found.reason is None
    found.close()
