"""Models, embeddings, labels and feedback."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_material import BASE, LABELS, TUNED, ScriptedEngine, call, chat_body, deployed

from tunesmith.records import Message
from tunesmith.serve.classify import choose
from tunesmith.serve.deployment import Facts
from tunesmith.stats.maps import Platt, Temperature, calibrated

CHAT = "/v1/chat/completions"


def test_base_and_tuned_are_models(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    with deployed(tmp_path, engine) as deployment:
        listed = call(deployment, "GET", "/v1/models").json()
        assert [each["id"] for each in listed["data"]] == [TUNED, BASE]
        assert call(deployment, "GET", f"/v1/models/{BASE}").json() == listed["data"][1]
        missing = call(deployment, "GET", "/v1/models/other")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
        call(deployment, "POST", "/v1/chat/completions", chat_body(model=BASE))
        call(deployment, "POST", "/v1/chat/completions", chat_body())
    assert [request.adapter for request in engine.asked] == [None, TUNED]


@pytest.mark.parametrize("given", ["one text", ["one text", "another one"]])
def test_embeddings_as_numbers_and_as_base64(tmp_path: Path, given: Any) -> None:
    engine = ScriptedEngine()
    texts = [given] if isinstance(given, str) else given
    with deployed(tmp_path, engine) as deployment:
        found = call(deployment, "POST", "/v1/embeddings", {"model": TUNED, "input": given}).json()
        packed = call(
            deployment, "POST", "/v1/embeddings", {"model": TUNED, "input": given, "encoding_format": "base64"}
        ).json()
        wide = call(deployment, "POST", "/v1/embeddings", {"model": TUNED, "input": given, "dimensions": 4})
        assert deployment.store.num_exchanges == 0
    rows = np.array([each["embedding"] for each in found["data"]], np.float32)
    np.testing.assert_array_equal(rows, engine.embed(texts, None))
    unpacked = [np.frombuffer(base64.b64decode(each["embedding"]), "<f4") for each in packed["data"]]
    np.testing.assert_array_equal(unpacked, rows)
    assert found["usage"]["prompt_tokens"] == sum(len(text.split()) for text in texts)
    assert (wide.status_code, wide.json()["error"]["param"]) == (400, "dimensions")


def test_labels_with_mended_confidence_and_some_withheld(tmp_path: Path) -> None:
    engine, by = ScriptedEngine(), Temperature(2.0)
    texts = ["billing billing", "hello", "delivery"]
    stated = engine.label([[Message("user", text)] for text in texts], LABELS, None)
    expected = calibrated(stated, by)
    threshold = float(np.sort(expected)[1])
    with deployed(tmp_path, engine, label_map=by, abstain_below=round(threshold, 12)) as deployment:
        found = call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": texts, "user": "ann"}).json()
        sure = call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": texts, "min_confidence": 0}).json()
        kept = {each.id: each for each in deployment.store.exchanges()}
    assert [each["label"] for each in found["data"]] == ["billing", None, "delivery"]
    assert [each["abstained"] for each in found["data"]] == [False, True, False]
    np.testing.assert_allclose([each["confidence"] for each in found["data"]], expected, atol=1e-11)
    assert [list(each["probabilities"].values()) for each in found["data"]] == [sorted(row)[::-1] for row in stated]
    assert not any(each["abstained"] for each in sure["data"])
    first, second = (kept[each["exchange"]] for each in found["data"][:2])
    assert (first.label, first.answer, first.subject) == ("billing", Message("assistant", "billing"), "ann")
    assert (second.label, second.answer) == (None, None)
    assert second.confidence == found["data"][1]["confidence"]


def test_a_threshold_lets_through_what_is_exactly_at_it() -> None:
    """Thresholds are chosen among confidences that were rounded; a map applied anew may be an ulp below."""
    by = Platt(1.3, -0.2)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    for threshold in np.round(calibrated(shares, by), 12)[:50].tolist():
        chosen = choose(shares.tolist(), Facts("x", "adapter", LABELS, label_map=by), threshold)
        assert sum(not each.is_withheld for each in chosen) == (np.round(calibrated(shares, by), 12) >= threshold).sum()


def test_a_number_has_neither_label_nor_confidence(tmp_path: Path) -> None:
    def lengths(conversations: Any) -> list[float]:
        return [len(each[-1].content) / 3 for each in conversations]

    with deployed(tmp_path, ScriptedEngine(), labels=(), user_style="<{prompt}>") as made:
        deployment = replace(made, numbers=lengths)
        told = call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": ["a", "four"], "user": "ann"}).json()
        sure = call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": "a", "min_confidence": 0.5})
        base = call(deployment, "POST", "/v1/classify", {"model": BASE, "input": "a"})
        kept = list(deployment.store.exchanges())
    assert told["data"] == [
        {"index": number, "value": value, "exchange": each["exchange"]}
        for number, (value, each) in enumerate(zip([1.0, 2.0], told["data"], strict=True))
    ]
    assert (told["threshold"], told["calibrated"]) == (None, False)
    said = {each.answer.content: (each.label, each.confidence, each.subject) for each in kept if each.answer}
    assert said == {"1": (None, None, "ann"), "2": (None, None, "ann")}
    assert (sure.status_code, sure.json()["error"]["code"]) == (400, "number-sureness")
    assert (base.status_code, base.json()["error"]["code"]) == (400, "labels-none")


def test_who_writes_nothing_is_not_asked_to(tmp_path: Path) -> None:
    class Wordless(ScriptedEngine):
        capabilities = replace(ScriptedEngine.capabilities, writes=False)

    engine = Wordless()
    with deployed(tmp_path, engine) as deployment:
        for path, body in ((CHAT, chat_body(stream=True)), ("/v1/completions", {"model": TUNED, "prompt": "Once"})):
            refused = call(deployment, "POST", path, body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "writes-nothing")
            assert refused.json()["error"]["param"] == "model"
        unknown = call(deployment, "POST", CHAT, chat_body(model="other"))
        assert unknown.json()["error"]["code"] == "model_not_found"
        assert call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": "billing"}).status_code == 200
    assert engine.asked == []


def test_a_conversation_to_be_classified_has_the_bounds_of_any(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "billing"}] * 257
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        for number, status in ((256, 200), (257, 400)):
            body = {"model": TUNED, "messages": messages[:number]}
            assert call(deployment, "POST", "/v1/classify", body).status_code == status


def test_a_text_is_asked_as_the_rows_were(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Listening(ScriptedEngine):
        def label(self, conversations: Any, labels: Any, adapter: str | None) -> list[list[float]]:
            asked.extend(conversations)
            return super().label(conversations, labels, adapter)

    with deployed(tmp_path, Listening(), system="Sort it.", user_style="Text: {prompt}") as deployment:
        call(deployment, "POST", "/v1/classify", {"model": TUNED, "input": "{prompt} x"})
        messages = [{"role": "user", "content": "as it is"}]
        call(deployment, "POST", "/v1/classify", {"model": TUNED, "messages": messages})
    assert asked == [
        (Message("system", "Sort it."), Message("user", "Text: {prompt} x")),
        (Message("user", "as it is"),),
    ]


def test_only_the_tuned_model_chooses_labels(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        response = call(deployment, "POST", "/v1/classify", {"model": BASE, "input": "x"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "labels-none")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"kind": "thumb", "value": -1}, 200),
        ({"kind": "thumb", "value": 0}, 400),
        ({"kind": "thumb", "value": 1, "text": "also"}, 400),
        ({"kind": "rating", "value": 5, "dimension": "fluency"}, 200),
        ({"kind": "rating", "value": 5}, 400),
        ({"kind": "rating", "value": -1, "dimension": "fluency"}, 400),
        ({"kind": "correction", "text": "It is on its way."}, 200),
        ({"kind": "preference", "preferred": "ex-" + "0" * 24}, 404),
        ({"kind": "comment", "text": ""}, 400),
        ({"kind": "other", "text": "x"}, 400),
    ],
)
def test_feedback_is_kept_on_an_exchange_that_is_known(tmp_path: Path, said: dict[str, Any], status: int) -> None:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        exchange = call(deployment, "POST", "/v1/chat/completions", chat_body()).json()["tunesmith"]["exchange"]
        response = call(deployment, "POST", "/v1/feedback", {"exchange": exchange, **said})
        kept = list(deployment.store.feedback(exchange=exchange))
        unknown = call(deployment, "POST", "/v1/feedback", {"exchange": "ex-" + "1" * 24, "kind": "thumb", "value": 1})
    assert response.status_code == status, response.text
    assert [each.kind for each in kept] == ([said["kind"]] if status == 200 else [])
    if status == 200:
        assert kept[0].id == response.json()["id"]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "exchange-unknown")
