"""From a bundle to what answers: one of its forms in an engine, under the names that it is served by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts.bundle import RECIPE, Bundle
from tunesmith.artifacts.head import Head, read_head
from tunesmith.chat import Chat, load_chat
from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.interface import Engine
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.decoding import decoding_of
from tunesmith.recipe import load_recipe
from tunesmith.recipe.endpoint import Host
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Serve
from tunesmith.runtime import Runtime
from tunesmith.serve.deployment import Deployment, Facts, Numbers, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ANSWERING: Final[tuple[FormName, ...]] = ("adapter", "merged", "int8")
"""Forms that our engine reads; llama.cpp and Ollama read `gguf`."""
LABEL: Final = "label"


@dataclass(frozen=True)
class Opened:
    """A bundle that answers. Its engine is to be closed."""

    engine: Engine
    facts: Facts
    models: tuple[Served, ...]
    numbers: Numbers | None = None


@dataclass(frozen=True)
class _Loaded:
    """One form in memory. `is_beside` says that the weights are the base's, and the adapter goes to the engine."""

    model: PreTrainedModel
    head: Head | None
    base: Base
    chat: Chat
    is_beside: bool


def deploy(bundle: Bundle, section: Serve, store: Store, runtime: Runtime) -> Deployment:
    """What `open_bundle` gives, with what a server needs beside it. Raises what it raises."""
    opened = open_bundle(bundle, section, runtime)
    return Deployment(
        bundle=bundle,
        facts=opened.facts,
        engine=opened.engine,
        store=store,
        section=section,
        runtime=runtime,
        models=ServedModels(opened.models),
        recorder=Recorder(store, section.record),
        numbers=opened.numbers,
    )


def open_bundle(bundle: Bundle, section: Serve, runtime: Runtime) -> Opened:
    """Start the engine of a form: in this process, or that of the server which the recipe names. Imports torch.

    Raises TunesmithError `serve-form`; `serve-head` for one with a head that is to answer elsewhere; what `form_base`,
    `load_form` and `Engine.load_adapter` raise, or what `upstream_at` and `RemoteEngine` raise.
    """
    form = form_to_serve(bundle, section.form)
    if section.engine is not None:
        return _open_elsewhere(bundle, form, section, section.engine, runtime)
    return _open_here(bundle, form, section, runtime)


def _open_elsewhere(bundle: Bundle, form: FormName, section: Serve, host: Host, runtime: Runtime) -> Opened:
    """The form is not loaded: its chat is, and what its certificate says holds for the model over there."""
    from tunesmith.engine.remote import RemoteEngine
    from tunesmith.engine.upstream import upstream_at
    from tunesmith.model.form import form_base

    body = bundle.body
    base = form_base(bundle.folder, body, form)
    chat = load_chat(base.folder, body.style_of(form))
    facts = _facts(bundle, form, base, chat)
    engine = RemoteEngine(
        upstream_at(host, runtime),
        chat,
        max_tokens=base.max_tokens,
        max_running=section.limits.max_running,
        max_waiting=section.limits.max_waiting,
    )
    return Opened(engine, facts, (Served(body.name, None, bundle.key, runtime.clock()),))


def _open_here(bundle: Bundle, form: FormName, section: Serve, runtime: Runtime) -> Opened:
    from tunesmith.engine.batching import BatchingEngine

    name, loaded, now = bundle.body.name, _load(bundle, form, runtime), runtime.clock()
    facts = replace(_facts(bundle, form, loaded.base, loaded.chat), takes_adapters=loaded.is_beside)
    if loaded.head is not None:
        return _with_head(loaded, loaded.head, facts, Served(name, None, bundle.key, now))
    engine = BatchingEngine(
        loaded.model,
        loaded.chat,
        max_tokens=loaded.base.max_tokens,
        max_running=section.limits.max_running,
        max_waiting=section.limits.max_waiting,
    )
    if not loaded.is_beside:
        return Opened(engine, facts, (Served(name, None, bundle.key, now),))
    try:
        engine.load_adapter(name, bundle.folder / form)
    except TunesmithError:
        engine.close()
        raise
    base = Served(_name_of_base(bundle), None, bundle.body.base.sha256, now)
    return Opened(engine, facts, (Served(name, name, bundle.key, now, parent=base.name), base))


def _with_head(loaded: _Loaded, head: Head, facts: Facts, served: Served) -> Opened:
    """A head belongs to one model: nothing answers beside it."""
    from tunesmith.engine.headed import HeadEngine

    engine = HeadEngine(loaded.model, head, loaded.chat, name=served.name, max_tokens=loaded.base.max_tokens)
    return Opened(engine, facts, (served,), engine.numbers if head.kind == "regression" else None)


def form_to_serve(bundle: Bundle, wanted: FormName | None) -> FormName:
    """The wanted form; else the adapter, beside which its base and other adapters answer; else the quickest of those
    that are there, as its certificate has it. Raises TunesmithError `serve-form`."""
    known = [form.name for form in bundle.body.forms if form.name in ANSWERING]
    if wanted is not None and wanted in known:
        return wanted
    if wanted is not None or not known:
        there = ", ".join(known) or "-"
        raise TunesmithError("serve-form", place=Place(str(bundle.folder)), form=wanted or "-", known=there)
    if "adapter" in known:
        return "adapter"
    speeds = {figures.form: figures.tokens_per_second for figures in bundle.certificate().figures}
    return max(known, key=lambda form: speeds.get(form, 0.0))


def _load(bundle: Bundle, form: FormName, runtime: Runtime) -> _Loaded:
    import torch

    from tunesmith.model.form import form_base, load_form
    from tunesmith.model.load import compute_dtype, load_model

    torch.set_num_threads(runtime.num_threads)
    body, head = bundle.body, read_head(bundle.folder / form)
    base, dtype = form_base(bundle.folder, body, form), compute_dtype(body.precision)
    is_beside = head is None and form == "adapter" and _is_lora(bundle.folder / form)
    if is_beside:
        model = load_model(base.folder, dtype=dtype, device=runtime.device, four_bit=body.base.four_bit)
    else:
        model = load_form(bundle.folder, body, form, dtype=dtype, device=runtime.device)
    chat = load_chat(base.folder, body.style_of(form), reads_only=base.is_encoder)
    return _Loaded(model, head, base, chat, is_beside)


def _is_lora(folder: Path) -> bool:
    """Prompts and prefixes stand before every row, and so cannot go beside a base that answers too."""
    settings: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return settings.get("peft_type") == "LORA"


def _name_of_base(bundle: Bundle) -> str:
    """A folder's name alone: where it lies is nobody's business. Never that of the tuned model."""
    reference = bundle.body.base.reference
    name = Path(reference).name if Path(reference).is_dir() else reference
    return name if name != bundle.body.name else f"{name}-base"


def _facts(bundle: Bundle, form: FormName, base: Base, chat: Chat) -> Facts:
    body, recipe = bundle.body, load_recipe(bundle.folder / RECIPE)
    certified = tuple(chat.decode(canary.answer_ids) for canary in bundle.canaries())
    maps = [each for each in bundle.maps() if each.arm == body.arm and each.confidence == LABEL]
    return Facts(
        name=body.name,
        form=form,
        labels=tuple(body.labels),
        label_map=maps[0].map if maps else None,
        abstain_below=body.abstain_below,
        system=recipe.prepare.system,
        user_style=recipe.prepare.user_style,
        sampling=decoding_of(recipe.evaluate.decoding, base, recipe.seed),
        prefilled=chat.prefilled,
        closes_unopened=not chat.prefilled and any(map(_closes_unopened, certified)),
        certified=certified,
    )


def _closes_unopened(text: str) -> bool:
    """Whether an answer closes a thinking that it did not open."""
    return CLOSE in text and not text.lstrip().startswith(OPEN)
