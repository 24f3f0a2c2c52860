"""A server in front of another: what the one behind writes, the one before guards, proves and keeps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch
from bundle_material import ASKED, LABELS, TINY, bundle_in, serving
from openai import OpenAI
from remote_material import MODEL, VLLM, StandIn, says, standing_in

from tunesmith.artifacts.bundle import Bundle
from tunesmith.chat import load_chat
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.form import load_form
from tunesmith.recipe.serve import Serve
from tunesmith.runtime import Runtime
from tunesmith.serve.run import Server, serve
from tunesmith.serve.start import deploy
from tunesmith.store import workspace_store

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_in(tmp_path_factory.mktemp("desk"), "desk")


@pytest.fixture(scope="module")
def upstream(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(bundle, tmp_path_factory.mktemp("upstream")) as server:
        yield server


@contextmanager
def gateway(bundle: Bundle, folder: Path, url: str, model: str = "desk", **section: Any) -> Iterator[Server]:
    with serving(bundle, folder, engine={"url": url, "model": model}, **section) as server:
        yield server


def refusal(bundle: Bundle, folder: Path, url: str, model: str) -> TunesmithError:
    """Why a gateway does not begin to serve."""
    section = Serve.model_validate({"port": 0, "engine": {"url": url, "model": model}})
    runtime = Runtime(folder, folder / "cache", num_threads=1)
    with workspace_store(runtime) as store, pytest.raises(TunesmithError) as told:
        serve(deploy(bundle, section, store, runtime), lambda address: pytest.fail("it was ready"))
    return told.value


def client_of(server: Server) -> OpenAI:
    return OpenAI(base_url=server.address, api_key="none", max_retries=0)


def readyz(server: Server) -> httpx2.Response:
    return httpx2.get(server.address.removesuffix("/v1") + "/readyz")


def said(told: Any) -> Any:
    """A reply without what every server says for itself, numbers rounded: what was kept of a prompt changes the last
    of their digits."""
    tree = told.model_dump()
    del tree["usage"]["prompt_tokens_details"]
    return rounded({name: tree[name] for name in ("choices", "usage", "object")})


def rounded(tree: Any) -> Any:
    match tree:
        case float():
            return round(tree, 3) + 0.0
        case dict():
            return {name: rounded(value) for name, value in tree.items()}
        case list():
            return [rounded(value) for value in tree]
    return tree


def test_both_answer_alike(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    schema = {"name": "s", "schema": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}}
    with gateway(bundle, tmp_path, upstream.address) as server:
        assert readyz(server).json() == {"status": "ready", "proof": "texts"}
        assert readyz(upstream).json() == {"status": "ready", "proof": "scores"}
        before, behind = client_of(server), client_of(upstream)
        assert [model.id for model in before.models.list()] == ["desk"]
        for asked in ASKED:
            sent: Any = [{"role": each.role, "content": each.content} for each in asked]
            for more in (
                {"max_tokens": 24},
                {"max_tokens": 24, "logprobs": True, "top_logprobs": 2},
                {"max_tokens": 24, "temperature": 0.8, "top_p": 0.9, "seed": 7},
                {"max_tokens": 24, "response_format": {"type": "json_schema", "json_schema": schema}},
                {"max_tokens": 24, "stop": ["e", "的"]},
            ):
                wanted: Any = {"model": "desk", "messages": sent, **more}
                mine, theirs = (each.chat.completions.create(**wanted) for each in (before, behind))
                assert said(mine) == said(theirs), more
                chunks = before.chat.completions.create(**wanted, stream=True)
                streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
                assert streamed == theirs.choices[0].message.content
        several = before.chat.completions.create(model="desk", messages=sent, n=3, max_tokens=9, temperature=1.5)
        assert len({choice.message.content for choice in several.choices}) > 1
        for more in ({}, {"logprobs": 2}):
            both = [
                each.completions.create(model="desk", prompt="Once", max_tokens=9, **more) for each in (before, behind)
            ]  # type: ignore[call-overload]
            assert said(both[0]) == said(both[1])
        vectors = [each.embeddings.create(model="desk", input=["a", "b"]) for each in (before, behind)]
        for mine, theirs in zip(vectors[0].data, vectors[1].data, strict=True):
            assert mine.embedding == pytest.approx(theirs.embedding, abs=1e-6)
        figures = httpx2.get(server.address.removesuffix("/v1") + "/metrics").text
        assert 'tunesmith_generation_tokens_total{model_name="desk"}' in figures


def test_the_one_before_guards_and_keeps(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    with gateway(bundle, tmp_path, upstream.address) as server:
        plain = client_of(server).chat.completions.create(
            model="desk", messages=[{"role": "user", "content": "Where is my parcel?"}], max_tokens=24
        )
        kept = next(server.deployment.store.exchanges())
        assert kept.answer is not None
        assert kept.answer.content == plain.choices[0].message.content
        assert plain.usage is not None
        assert (kept.num_prompt_tokens, kept.num_tokens) == (plain.usage.prompt_tokens, plain.usage.completion_tokens)
        assert kept.first_token_seconds is not None
        thumb = {"exchange": kept.id, "kind": "thumb", "value": 1}
        assert httpx2.post(f"{server.address}/feedback", json=thumb).status_code == 200
        lacking = httpx2.post(f"{server.address}/classify", json={"model": "desk", "input": "Where?"})
        assert (lacking.status_code, lacking.json()["error"]["code"]) == (400, "engine-lacks")
    word = str(plain.choices[0].message.content).split()[0]
    guard = {"answers": [{"name": "word", "words": [word]}], "reply": {"en": "No.", "zh": "No."}}
    with gateway(bundle, tmp_path / "guarded", upstream.address, guard=guard) as server:
        cut = client_of(server).chat.completions.create(
            model="desk", messages=[{"role": "user", "content": "Where is my parcel?"}], max_tokens=24
        )
        assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("No.", "content_filter")


def test_who_hangs_up_before_is_gone_behind(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    engine = upstream.deployment.engine
    with gateway(bundle, tmp_path, upstream.address) as server:
        drawn = {"temperature": 2.0, "seed": 1}  # greedily it ends soon
        body = {"model": "desk", "prompt": "Once", "max_tokens": 2000, "stream": True, **drawn}
        with httpx2.stream("POST", f"{server.address}/completions", json=body, timeout=60) as response:
            next(response.iter_lines())
            assert engine.load().num_running == 1
        deadline = time.monotonic() + 10
        while engine.load().num_running and time.monotonic() < deadline:
            time.sleep(0.01)
        assert engine.load().num_running == 0


def test_another_model_is_never_ready(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    other = bundle_in(tmp_path / "other", "other")
    with serving(other, tmp_path / "elsewhere") as elsewhere:
        address = elsewhere.address
        told = refusal(bundle, tmp_path, address, "other")
        assert isinstance(told, RunFailed)
        assert told.code == "serve-unproved"
    assert refusal(bundle, tmp_path, upstream.address, TINY).code == "serve-unproved"  # its base
    assert refusal(bundle, tmp_path, upstream.address, "no-such").code == "engine-model"
    assert refusal(bundle, tmp_path, address, "other").code == "engine-unreachable"  # stopped by now


def scoring(bundle: Bundle) -> StandIn:
    """Says nothing of sense, and scores as vLLM does, by a plain forward pass."""
    model = load_form(bundle.folder, bundle.body, "merged", dtype=torch.float32, device="cpu")

    def score(ids: Sequence[int]) -> list[dict[str, Any] | None]:
        with torch.no_grad():
            logs_TV = model(torch.tensor([list(ids)])).logits[0].log_softmax(1)
        return [None, *({str(id): {"logprob": float(logs_TV[place, id])}} for place, id in enumerate(ids[1:]))]

    return StandIn(says(), knows=VLLM, chat=load_chat(find_base(TINY).folder), score=score)


def test_who_scores_is_proved_by_scores_and_chooses_labels(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    body = {"model": "desk", "input": ["my card was swallowed", "where is it?"]}
    with standing_in(scoring(bundle)) as there, gateway(bundle, tmp_path, there.url, MODEL) as server:
        assert readyz(server).json() == {"status": "ready", "proof": "scores"}
        mine, theirs = (httpx2.post(f"{each.address}/classify", json=body).json() for each in (server, upstream))
        for found, expected in zip(mine["data"], theirs["data"], strict=True):
            assert found["label"] == expected["label"]
            assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-4)
        assert {*mine["data"][0]["probabilities"]} == {*LABELS}
    with standing_in(scoring(bundle_in(tmp_path / "other", "other"))) as there:
        assert refusal(bundle, tmp_path / "again", there.url, MODEL).code == "serve-unproved"


def test_the_command_line_says_what_was_proved(bundle: Bundle, upstream: Server, tmp_path: Path) -> None:
    settings = ["serve.port=0", f"serve.engine.url={upstream.address}", "serve.engine.model=desk"]
    command = ["-m", "tunesmith", "-w", str(tmp_path), "--json", "serve", str(bundle.folder), *settings]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["models"], told["proof"]) == (["desk"], "texts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
