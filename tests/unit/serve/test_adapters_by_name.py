"""Adapters of the registry that come and go while a server runs, beside an engine that is written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from serving_material import BASE, TUNED, ScriptedEngine, asked_of, chat_body, deployed
from store_material import bundle

from tunesmith.artifacts.bundle import BaseOfBundle, Bundle, Form
from tunesmith.errors import TunesmithError
from tunesmith.serve.app import make_app
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.models import _loaded
from tunesmith.store import add_version, set_alias

LOAD, UNLOAD, CHAT = "/v1/models/load", "/v1/models/unload", "/v1/chat/completions"
ADAPTER = Form(name="adapter", dtype="fp32", num_bytes=1, use={})
GROUND = BaseOfBundle(reference=BASE, sha256="ab" * 32, model_type="qwen2")


def known(deployment: Deployment, folder: Path, seed: int, **fields: Any) -> Bundle:
    """A version of the registry that has an adapter."""
    made = bundle(folder / f"bundle-{seed}", name="desk", seed=seed, forms=[ADAPTER], **fields)
    add_version(deployment.store, made, who="ann")
    return Bundle.open(made)


def test_a_loaded_adapter_stands_beside_the_base(tmp_path: Path) -> None:
    with deployed(tmp_path, ScriptedEngine()) as deployment:
        known(deployment, tmp_path, 0)
        application = make_app(deployment)
        loaded = asked_of(application, "POST", LOAD, {"name": "desk"}).json()
        listed = asked_of(application, "GET", "/v1/models").json()["data"]
    assert {each["id"]: each["parent"] for each in listed} == {TUNED: BASE, BASE: None, "desk": BASE}
    assert listed[-1] == loaded


def test_a_name_that_is_loaded_anew_is_another_adapter_of_the_engine(tmp_path: Path) -> None:
    """A request of the version before that is still on its way finds nothing, rather than the new one's answer."""
    engine, loaded = ScriptedEngine(), list[str]()
    with deployed(tmp_path, engine) as deployment:
        application = make_app(deployment)
        for seed in (0, 1):
            known(deployment, tmp_path, seed)
            set_alias(deployment.store, "champion", f"desk@{seed + 1}", who="ann")
            assert asked_of(application, "POST", LOAD, {"name": "champion"}).status_code == 200
            loaded += engine.adapters
            asked_of(application, "POST", CHAT, chat_body(model="champion"))
            assert asked_of(application, "POST", UNLOAD, {"name": "champion"}).status_code == 200
        versions = {each.version for each in deployment.store.exchanges()}
    assert len(set(loaded)) == 2
    assert [request.adapter for request in engine.asked] == loaded
    assert versions == {Bundle.open(tmp_path / f"bundle-{seed}").key for seed in (0, 1)}


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt_style": "plain"},
        {"base": GROUND.model_copy(update={"four_bit": True})},
        {"base": GROUND.model_copy(update={"sha256": "cd" * 32})},
    ],
)
def test_an_adapter_that_was_judged_otherwise_is_not_put_beside_the_base(tmp_path: Path, fields: Any) -> None:
    """With other prompts, or on a base in 4 bits, it would answer, and not as it was judged."""
    engine = ScriptedEngine()
    with deployed(tmp_path, engine) as made:
        deployment = replace(made, bundle=known(made, tmp_path, 0))
        known(deployment, tmp_path, 1, **fields)
        _loaded(deployment, "desk@1")
        with pytest.raises(TunesmithError, match="adapter-other-base") as refused:
            _loaded(deployment, "desk@2")
    assert BASE in refused.value.message()
    assert len(engine.loaded) == 1


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("adapter_model.bin", b"any", "bundle-pickle"),
        ("adapter_config.json", b'{"auto_map": {"AutoModel": "theirs.Model"}}', "bundle-code"),
    ],
)
def test_what_could_hold_code_is_refused_before_it_is_loaded(
    tmp_path: Path, file: str, content: bytes, code: str
) -> None:
    engine = ScriptedEngine()
    with deployed(tmp_path, engine) as deployment:
        known(deployment, tmp_path, 0, files={f"adapter/{file}": content})
        refused = asked_of(make_app(deployment), "POST", LOAD, {"name": "desk"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert engine.loaded == {}
