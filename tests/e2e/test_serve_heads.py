"""Models with a head of their own behind a real server: what was judged is what is served, and it is proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import torch
from export_material import certified, exporting, tuned_model
from scipy.special import log_softmax, softmax
from tiny_bases import make_encoder, save_base
from transformers import AutoModelForSequenceClassification

from tunesmith import lifecycle
from tunesmith.artifacts.bundle import Bundle, BundleBody, Canary
from tunesmith.artifacts.head import Head
from tunesmith.chat import load_chat
from tunesmith.errors import RunFailed
from tunesmith.export.exporting import Certified
from tunesmith.export.run import export
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import export as export_judged
from tunesmith.model.base import find_base
from tunesmith.recipe import Lora, Recipe
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message
from tunesmith.runtime import Runtime, Silent
from tunesmith.serve.app import make_app
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.run import serve
from tunesmith.serve.start import deploy
from tunesmith.store import workspace_store

pytestmark = pytest.mark.thorough
TINY = "builtin:tiny"
CLASSES = Head(kind="classification", classes=("billing", "delivery", "other"))
NUMBER = Head(kind="regression", mean=10.0, scale=4.0)
ASKED = ["Where is my parcel?", "I was charged twice.", "我的包裹在哪里？", "ok"]
COLOURS = ("red", "green", "blue")
Twin = Callable[[str], Any]


def bundle_in(folder: Path, reference: str, head: Head, *, shift: float = 0.0) -> tuple[Bundle, Twin]:
    """A drawn model, its canaries certified by transformers alone, and that model; `shift` makes the proof wrong."""
    base, sections = find_base(reference), {"export": {"forms": ["adapter", "merged"]}}
    style = "bare" if base.is_encoder else None
    if style is not None:
        sections["model"] = {"prompt_style": style}
    model = tuned_model(folder / "model", base, Lora(rank=4), head)
    made = exporting(folder, reference, model, name="desk", **sections)
    task = "labels" if head.classes else "numbers"
    made = replace(made, task=task, labels=head.classes)
    chat = load_chat(base.folder, style, reads_only=base.is_encoder)  # type: ignore[arg-type]

    def twin_at(merged: Path) -> Twin:
        read = AutoModelForSequenceClassification.from_pretrained(merged, attn_implementation="eager").eval()

        def logits(text: str) -> Any:
            with torch.no_grad():
                return read(torch.tensor([chat.prompt_ids([Message("user", text)])])).logits[0].double().numpy()

        return logits

    def certify(staging: Path, body: BundleBody) -> Certified:
        done, twin = certified()(staging, body), twin_at(staging / "merged")
        tolerances = {form.name: 0.01 for form in body.forms}
        certificate = done.certificate.model_copy(update={"canary_tolerances": tolerances})
        return replace(done, canaries=tuple(canary(twin(text), text) for text in ASKED), certificate=certificate)

    def canary(logits: Any, text: str) -> Canary:
        logs = log_softmax(logits if head.classes else [logits[0], 0.0])
        best = int(np.argmax(logs))
        return Canary(prompt=[("user", text)], answer_ids=[best], log_probabilities=[float(logs[best]) + shift])

    runtime = Runtime(folder, folder / "cache", num_threads=1)
    bundle = export(made, runtime=runtime, progress=Silent(), out=folder / "bundle", certify=certify)
    return bundle, twin_at(bundle.folder / "merged")


@contextmanager
def answering(bundle: Bundle, folder: Path, **section: Any) -> Iterator[tuple[Deployment, Callable[..., Any]]]:
    """A deployment whose canaries were scored, and what asks it."""
    from guard_material import ask

    runtime = Runtime(folder, folder / "cache", num_threads=1)
    with workspace_store(runtime) as store:
        deployment = deploy(bundle, Serve.model_validate({"record": "full", **section}), store, runtime)
        made = make_app(deployment)
        made.guards.readiness.prove()
        assert made.guards.readiness.reason is None
        try:
            yield deployment, lambda address, body: ask(made.app, "POST", address, body)
        finally:
            deployment.engine.close()


@pytest.fixture(params=["tiny", "encoder"])
def reference(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return TINY if request.param == "tiny" else str(save_base(tmp_path / "base", make_encoder("bert")))


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_labels_come_with_the_heads_probabilities(reference: str, form: str, tmp_path: Path) -> None:
    bundle, twin = bundle_in(tmp_path, reference, CLASSES)
    expected = [softmax(twin(text)) for text in ASKED]
    with answering(bundle, tmp_path, form=form) as (deployment, ask):
        told = ask("/v1/classify", {"model": "desk", "input": ASKED}).json
        unsure = ask("/v1/classify", {"model": "desk", "input": ASKED[0], "min_confidence": 1}).json["data"][0]
        whole = ask("/v1/classify", {"model": "desk", "messages": [{"role": "user", "content": ASKED[2]}]}).json
        kept = {each.id: each for each in deployment.store.exchanges()}
    for found, shares_C in zip(told["data"], expected, strict=True):
        by_label = [found["probabilities"][label] for label in CLASSES.classes]
        np.testing.assert_allclose(by_label, shares_C, atol=1e-5)
        assert found["label"] == CLASSES.classes[int(np.argmax(shares_C))]
        assert found["confidence"] == pytest.approx(shares_C.max(), abs=1e-5)
        exchange = kept[found["exchange"]]
        assert (exchange.label, exchange.confidence) == (found["label"], found["confidence"])
    assert whole["data"][0]["probabilities"] == pytest.approx(told["data"][2]["probabilities"], abs=1e-6)
    assert (unsure["label"], unsure["abstained"]) == (None, True)
    assert told["usage"]["prompt_tokens"] > len(ASKED)


def test_numbers_come_in_the_unit_of_the_target(reference: str, tmp_path: Path) -> None:
    bundle, twin = bundle_in(tmp_path, reference, NUMBER)
    with answering(bundle, tmp_path) as (deployment, ask):
        told = ask("/v1/classify", {"model": "desk", "input": ASKED}).json
        sure = ask("/v1/classify", {"model": "desk", "input": ASKED, "min_confidence": 0.5})
        kept = {each.id: each for each in deployment.store.exchanges()}
    assert (told["threshold"], told["calibrated"]) == (None, False)
    for found, text in zip(told["data"], ASKED, strict=True):
        assert found.keys() == {"index", "value", "exchange"}
        assert found["value"] == pytest.approx(10.0 + 4.0 * twin(text)[0], abs=1e-3)
        exchange = kept[found["exchange"]]
        assert (exchange.label, exchange.confidence) == (None, None)
        assert exchange.answer == Message("assistant", f"{found['value']:.6g}")
    assert (sure.status, sure.code) == (400, "number-sureness")


def test_what_a_head_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    bundle, _ = bundle_in(tmp_path, TINY, CLASSES)
    messages = [{"role": "user", "content": "Hello?"}]
    with answering(bundle, tmp_path) as (_, ask):
        for address, body in (
            ("/v1/chat/completions", {"messages": messages}),
            ("/v1/chat/completions", {"messages": messages, "response_format": {"type": "json_object"}}),
            ("/v1/completions", {"prompt": "Once", "stream": True}),
        ):
            refused = ask(address, {"model": "desk", **body})
            assert (refused.status, refused.code) == (400, "writes-nothing")
            assert "/v1/classify" in refused.json["error"]["hint"]
        loaded = ask("/v1/models/load", {"name": "other"})
        assert (loaded.status, loaded.code) == (400, "engine-lacks")
        long = ask("/v1/classify", {"model": "desk", "input": "a" * 1_000_000})
        assert (long.status, long.code) == (400, "context_length_exceeded")
        directions = ask("/v1/embeddings", {"model": "desk", "input": ASKED}).json["data"]
    assert np.linalg.norm([each["embedding"] for each in directions], axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("head", [CLASSES, NUMBER], ids=lambda head: head.kind)
def test_a_head_that_does_not_answer_as_certified_is_not_served(head: Head, tmp_path: Path) -> None:
    wrong, _ = bundle_in(tmp_path, TINY, head, shift=0.05)
    runtime = Runtime(tmp_path, tmp_path / "cache", num_threads=1)
    with workspace_store(runtime) as store, pytest.raises(RunFailed) as refusal:
        serve(deploy(wrong, Serve(port=0), store, runtime), lambda address: pytest.fail("it was ready"))
    assert refusal.value.code == "serve-unproved"


def test_the_terminal_does_not_talk_with_a_head(tmp_path: Path) -> None:
    from tunesmith.cli import chat
    from tunesmith.errors import TunesmithError

    bundle, _ = bundle_in(tmp_path, TINY, CLASSES)
    with (
        pytest.raises(TunesmithError, match="writes-nothing"),
        chat._of(bundle.folder, None, None) as talk,
    ):
        list(talk([Message("user", "Hello?")]))


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_what_was_judged_is_what_is_served(kind: str, tmp_path: Path) -> None:
    """From rows over training, judgement with a map of confidences, and certificate, to the answers of a server."""
    random, rows = np.random.default_rng(0), []
    for n in range(260):
        number = int(random.integers(3))
        # one of seven says nothing of its label, so that no model is always right
        said = int(random.integers(3)) if n % 7 == 0 else number
        aim = {"label": COLOURS[number]} if kind == "classification" else {"target": float(number)}
        rows.append({"text": f"Box {n} is {COLOURS[said]}.", **aim})
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sources: Any = str(file) if kind == "classification" else [{"path": str(file), "format": "regression"}]
    tree = {
        "name": "boxes",
        "prepare": {"sources": sources, "test_share": 0.25, "validation_share": 0.25},
        "train": {
            "objective": {"name": kind},
            "method": {"name": "lora", "rank": 4},
            **{"max_steps": 12, "batch_rows": 16, "learning_rate": 5e-3, "precision": "fp32", "trackers": []},
        },
        "evaluate": {
            **{"general_suite": False, "arms": ["base", "tuned"], "decoding": {"max_new_tokens": 8}},
            "confidence": {"map": "temperature", "wanted_accuracy": 0.6},
        },
        "export": {"forms": ["adapter", "merged"], "num_prompts": 6, "certificate": {"metric_loss": 0.5}},
    }
    job = Job(Recipe.model_validate(tree), Runtime(tmp_path / "work", tmp_path / "cache"), Silent())
    card = lifecycle.scorecard_of(job)
    bundle = export_judged(job, anyway=True)
    assert [len(each.answer_ids) for each in bundle.canaries()] == [1, 1, 1, 1]
    judged = [each for each in card.samples() if (each.arm, each.suite) == ("tuned", "test")]
    with answering(bundle, tmp_path / "served", form="merged") as (deployment, ask):
        texts = [each.prompt[-1].content for each in judged]
        told = ask("/v1/classify", {"model": "boxes", "input": texts}).json
        facts = deployment.facts
    assert len(judged) > 50
    if kind == "regression":
        values = [each["value"] for each in told["data"]]
        np.testing.assert_allclose(values, [float(each.answer) for each in judged], rtol=1e-4, atol=1e-4)
        return
    (saved,) = card.maps()
    mending = card.body.calibration["tuned"]["label"].mending
    assert mending is not None
    assert mending.abstain is not None
    assert (facts.label_map, told["calibrated"]) == (saved.map, True)
    assert told["threshold"] == mending.abstain.confidence
    for found, sample in zip(told["data"], judged, strict=True):
        assert found["probabilities"] == pytest.approx(sample.probabilities, abs=1e-5)
        shares = np.array(list((sample.probabilities or {}).values()))
        softened = softmax(np.log(shares) / saved.map.temperature)  # type: ignore[union-attr]
        assert found["confidence"] == pytest.approx(softened.max(), abs=1e-4)
        assert found["abstained"] == (found["confidence"] < told["threshold"])
        assert found["label"] == (None if found["abstained"] else sample.answer)


def test_a_head_answers_on_the_wire(tmp_path: Path) -> None:
    """As `tunesmith serve` starts it, with what it prints to try."""
    import subprocess
    import sys

    bundle, twin = bundle_in(tmp_path, TINY, CLASSES)
    command = [sys.executable, "-m", "tunesmith", "-w", str(tmp_path), "serve", str(bundle.folder), "serve.port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdout is not None
        try:
            where, _, how = (process.stdout.readline() for _ in range(3))
            address = where.split(" at ")[1].split()[0]
            assert f"{address}/classify" in how
            body = json.loads(how.split("--json '")[1].rstrip().rstrip("'"))
            found = httpx2.post(f"{address}/classify", json={**body, "input": ASKED[0]}, timeout=60).json()["data"][0]
        finally:
            process.terminate()
        assert process.wait(60) == 0
    assert found["probabilities"] == pytest.approx(
        dict(zip(CLASSES.classes, softmax(twin(ASKED[0])), strict=True)), abs=1e-5
    )
