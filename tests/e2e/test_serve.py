"""A bundle of the embedded base behind a real server: its answers, its proof, adapters that come and go, the page."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch
import yaml
from bundle_material import ASKED, LABELS, TINY, bundle_in, serving
from openai import OpenAI

from tunesmith.artifacts.bundle import Bundle
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import RunFailed
from tunesmith.model.base import find_base
from tunesmith.model.form import load_form
from tunesmith.recipe import Recipe
from tunesmith.recipe.serve import Serve
from tunesmith.records import Sampling
from tunesmith.runtime import Runtime
from tunesmith.serve.health import Proving
from tunesmith.serve.run import serve
from tunesmith.serve.start import deploy
from tunesmith.store import add_version, workspace_store

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).parents[2]
PAGE = "serve-a-model.md"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_in(tmp_path_factory.mktemp("desk"), "desk")


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_it_is_answered_what_the_judged_model_answers(bundle: Bundle, tmp_path: Path, form: Any) -> None:
    model = load_form(bundle.folder, bundle.body, form, dtype=torch.float32, device="cpu")
    judged = LocalEngine(model, load_chat(find_base(TINY).folder), 4096)
    expected = [answers[0] for answers in judged.generate(ASKED, Sampling(max_new_tokens=24))]
    with serving(bundle, tmp_path, form=form) as server:
        client = OpenAI(base_url=server.address, api_key="none", max_retries=0)
        assert [model.id for model in client.models.list()] == (["desk", TINY] if form == "adapter" else ["desk"])
        for messages, judged_answer in zip(ASKED, expected, strict=True):
            sent: Any = [{"role": each.role, "content": each.content} for each in messages]
            whole = client.chat.completions.create(model="desk", messages=sent, max_tokens=24)
            assert whole.choices[0].message.content == judged_answer.message.content
            assert whole.choices[0].finish_reason == judged_answer.finish_reason
            assert whole.usage is not None
            assert whole.usage.prompt_tokens == judged_answer.num_prompt_tokens
            assert whole.usage.completion_tokens == judged_answer.num_tokens
            stream = client.chat.completions.create(model="desk", messages=sent, max_tokens=24, stream=True)
            said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
            assert said == judged_answer.message.content


def test_an_adapter_comes_and_goes_by_its_name(bundle: Bundle, tmp_path: Path) -> None:
    other = bundle_in(tmp_path / "other", "other")
    message: Any = [{"role": "user", "content": "Where is my parcel?"}]

    def said(client: OpenAI, model: str) -> str:
        answer = client.chat.completions.create(model=model, messages=message, max_tokens=12)
        return str(answer.choices[0].message.content)

    with serving(bundle, tmp_path) as server:
        client = OpenAI(base_url=server.address, api_key="none", max_retries=0)
        before = said(client, "desk"), said(client, TINY)
        assert httpx2.post(f"{server.address}/models/load", json={"name": "other"}).status_code == 404
        add_version(server.deployment.store, other.folder, who="test")
        loaded = httpx2.post(f"{server.address}/models/load", json={"name": "other"})
        assert (loaded.status_code, loaded.json()["root"]) == (200, other.key)
        assert httpx2.post(f"{server.address}/models/load", json={"name": "other"}).status_code == 400
        assert said(client, "other") not in before
        assert (said(client, "desk"), said(client, TINY)) == before
        assert httpx2.post(f"{server.address}/models/unload", json={"name": "desk"}).status_code == 400
        assert httpx2.post(f"{server.address}/models/unload", json={"name": "other"}).json()["deleted"] is True
        assert [model.id for model in client.models.list()] == ["desk", TINY]


def test_a_template_that_tells_the_date_is_proved_on_the_day_of_its_certificate(tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(find_base(TINY).folder, base)
    template = base / "chat_template.jinja"
    template.write_text("{{ strftime_now('Today is %d %B %Y. ') }}" + template.read_text("utf-8"), encoding="utf-8")
    bundle = bundle_in(tmp_path / "desk", "desk", reference=str(base), day=date(2020, 2, 29))
    with serving(bundle, tmp_path / "served") as server:  # it is proved, or not ready
        deployed = server.deployment
        adapter = deployed.models.find("desk").adapter
        today = [load_chat(base).prompt_ids(canary.messages) for canary in bundle.canaries()]
        assert Proving(bundle.canaries(), today, 0.01, adapter).difference(deployed.engine) > 0.01


def test_a_model_that_does_not_answer_as_certified_is_not_served(tmp_path: Path) -> None:
    wrong = bundle_in(tmp_path, "desk", shift=0.1)
    runtime = Runtime(tmp_path, tmp_path / "cache", num_threads=1)
    with workspace_store(runtime) as store, pytest.raises(RunFailed) as told:
        serve(deploy(wrong, Serve(port=0), store, runtime), lambda address: pytest.fail("it was ready"))
    assert told.value.code == "serve-unproved"


def test_the_command_line_serves_until_it_is_told_to_stop(bundle: Bundle, tmp_path: Path) -> None:
    command = ["-m", "tunesmith", "-w", str(tmp_path), "--json", "serve", str(bundle.folder), "serve.port=0"]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["models"] == ["desk", TINY]
        body = {"model": "desk", "prompt": "Once", "max_tokens": 60, "stream": True}
        with httpx2.stream("POST", f"{told['address']}/completions", json=body, timeout=60) as response:
            lines = response.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)
            assert list(lines)[-2] == "data: [DONE]"
        assert process.wait(60) == 0


def test_the_terminal_talks_with_a_bundle_and_with_its_server(bundle: Bundle, tmp_path: Path) -> None:
    from tunesmith.cli import chat

    said = []
    with chat._of(bundle.folder, ["serve.limits.max_new_tokens=12"], None) as talk:
        said.append("".join(piece.content for piece in talk(list(ASKED[1]))))
    with serving(bundle, tmp_path, limits={"max_new_tokens": 12}) as server, chat._at(server.address, None) as talk:
        said.append("".join(piece.content for piece in talk(list(ASKED[1]))))
    assert said[0] == said[1] != ""


def blocks(language: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / language / "how-to" / PAGE).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_the_page_says_what_is_so(bundle: Bundle, tmp_path: Path) -> None:
    """Both languages show the same; its recipe is one, its programs run."""
    assert [blocks("en", kind) for kind in ("yaml", "python", "console")] == [
        blocks("zh", kind) for kind in ("yaml", "python", "console")
    ]
    (recipe,) = blocks("en", "yaml")
    section = Recipe.model_validate(yaml.safe_load(recipe)).serve
    ask, label, feedback = blocks("en", "python")
    guarded = section.guard.model_dump(mode="json")
    with serving(bundle, tmp_path, guard=guarded) as server:
        known: dict[str, Any] = {"ADDRESS": server.address, "MODEL": "desk"}
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(ask, known)
            known["EXCHANGE"] = next(server.deployment.store.exchanges()).id
            exec(label, known)
            exec(feedback, known)
        kept = next(server.deployment.store.feedback())
    lines = printed.getvalue().splitlines()
    assert lines[0] == "['desk', 'builtin:tiny']"
    assert lines[-2].split()[0] in LABELS
    assert lines[-1] == kept.id
