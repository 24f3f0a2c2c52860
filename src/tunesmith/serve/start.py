"""From a bundle to what answers: one of its forms in an engine, under the names that it is served by."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts.bundle import RECIPE, Bundle, BundleBody, Canary
from tunesmith.artifacts.calibration import SavedMap
from tunesmith.artifacts.head import Head, read_head
from tunesmith.chat import Chat, load_chat
from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.interface import Engine
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.decoding import decoding_of
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.recipe.endpoint import Host
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Serve
from tunesmith.runtime import Runtime
from tunesmith.serve.deployment import Deployment, Facts, Numbers, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.store import Store, refuse_withdrawn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tunesmith.engine.batching import BatchingEngine

ANSWERING: Final[tuple[FormName, ...]] = ("adapter", "merged", "int8")
"""Forms that our engine reads; llama.cpp and Ollama read `gguf`."""
LABEL: Final = "label"


@dataclass(frozen=True)
class Shipped:
    """One form of a bundle and what is known of it, published or still to be proved."""

    folder: Path
    """Of the bundle."""
    body: BundleBody
    form: FormName
    version: str
    """Key of the bundle; empty before it is published."""
    recipe: Recipe
    canaries: Sequence[Canary]
    maps: Sequence[SavedMap] = ()


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
    base: Base
    chat: Chat
    is_beside: bool


def deploy(bundle: Bundle, section: Serve, store: Store, runtime: Runtime) -> Deployment:
    """What `open_bundle` gives, with what a server needs beside it.

    Raises what `refuse_withdrawn` and `open_bundle` raise.
    """
    refuse_withdrawn(store, bundle.key)
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

    Raises TunesmithError `serve-form`, `serve-head` for a head that is to answer elsewhere; what `open_form`,
    `upstream_at` and `RemoteEngine` raise.
    """
    from tunesmith.engine.batching import BatchingEngine

    shipped = Shipped(
        folder=bundle.folder,
        body=bundle.body,
        form=form_to_serve(bundle, section.form),
        version=bundle.key,
        recipe=load_recipe(bundle.folder / RECIPE),
        canaries=bundle.canaries(),
        maps=bundle.maps(),
    )
    head = read_head(shipped.folder / shipped.form)
    if section.engine is not None:
        if head is not None:
            raise TunesmithError("serve-head", place=Place("recipe", field="serve.engine"))
        return _open_elsewhere(shipped, section, section.engine, runtime)
    if head is not None:
        return _open_headed(shipped, head, runtime)
    return open_form(shipped, section, runtime, BatchingEngine)


def _open_elsewhere(shipped: Shipped, section: Serve, host: Host, runtime: Runtime) -> Opened:
    """The form is not loaded: its chat is, and what its certificate says holds for the model over there."""
    from tunesmith.engine.remote import RemoteEngine
    from tunesmith.engine.upstream import upstream_at
    from tunesmith.model.form import form_base

    body = shipped.body
    base = form_base(shipped.folder, body, shipped.form)
    chat = load_chat(base.folder, body.style_of(shipped.form))
    engine = RemoteEngine(
        upstream_at(host, runtime),
        chat,
        max_tokens=base.max_tokens,
        max_running=section.limits.max_running,
        max_waiting=section.limits.max_waiting,
    )
    facts = _facts(shipped, base, chat, _certified(shipped, chat))
    return Opened(engine, facts, (Served(body.name, None, shipped.version, runtime.clock()),))


def _open_headed(shipped: Shipped, head: Head, runtime: Runtime) -> Opened:
    """A head belongs to one model: nothing answers beside it."""
    from tunesmith.engine.headed import HeadEngine

    loaded, name = _load(shipped, runtime), shipped.body.name
    engine = HeadEngine(loaded.model, head, loaded.chat, name=name, max_tokens=loaded.base.max_tokens)
    served = Served(name, None, shipped.version, runtime.clock())
    return Opened(
        engine,
        _facts(shipped, loaded.base, loaded.chat),
        (served,),
        engine.numbers if head.kind == "regression" else None,
    )


def open_form(shipped: Shipped, section: Serve, runtime: Runtime, make_engine: Callable[..., BatchingEngine]) -> Opened:
    """A form that writes, in this process; `make_engine` is BatchingEngine, or one that does more.

    Raises what `form_base`, `load_form` and `Engine.load_adapter` raise.
    """
    body = shipped.body
    loaded, now = _load(shipped, runtime), runtime.clock()
    facts = _facts(shipped, loaded.base, loaded.chat, _certified(shipped, loaded.chat))
    facts = replace(facts, takes_adapters=loaded.is_beside)
    engine = make_engine(
        loaded.model,
        loaded.chat,
        max_tokens=loaded.base.max_tokens,
        max_running=section.limits.max_running,
        max_waiting=section.limits.max_waiting,
    )
    if not loaded.is_beside:
        return Opened(engine, facts, (Served(body.name, None, shipped.version, now),))
    try:
        engine.load_adapter(body.name, shipped.folder / shipped.form)
    except TunesmithError:
        engine.close()
        raise
    base = Served(_name_of_base(body), None, body.base.sha256, now)
    return Opened(engine, facts, (Served(body.name, body.name, shipped.version, now, parent=base.name), base))


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


def _load(shipped: Shipped, runtime: Runtime) -> _Loaded:
    import torch

    from tunesmith.model.form import form_base, load_form
    from tunesmith.model.load import compute_dtype, load_model

    folder, body, form = shipped.folder, shipped.body, shipped.form
    torch.set_num_threads(runtime.num_threads)
    base, dtype = form_base(folder, body, form), compute_dtype(body.precision)
    is_beside = form == "adapter" and read_head(folder / form) is None and _is_lora(folder / form)
    if is_beside:
        model = load_model(base.folder, dtype=dtype, device=runtime.device, four_bit=body.base.four_bit)
    else:
        model = load_form(folder, body, form, dtype=dtype, device=runtime.device)
    return _Loaded(model, base, load_chat(base.folder, body.style_of(form), reads_only=base.is_encoder), is_beside)


def _is_lora(folder: Path) -> bool:
    """Prompts and prefixes stand before every row, and so cannot go beside a base that answers too."""
    settings: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return settings.get("peft_type") == "LORA"


def _name_of_base(body: BundleBody) -> str:
    """A folder's name alone: where it lies is nobody's business. Never that of the tuned model."""
    reference = body.base.reference
    name = Path(reference).name if Path(reference).is_dir() else reference
    return name if name != body.name else f"{name}-base"


def _facts(shipped: Shipped, base: Base, chat: Chat, certified: tuple[str, ...] = ()) -> Facts:
    """`certified` are the texts of the certified answers, of a model that writes."""
    body, recipe = shipped.body, shipped.recipe
    maps = [each for each in shipped.maps if each.arm == body.arm and each.confidence == LABEL]
    return Facts(
        name=body.name,
        form=shipped.form,
        labels=tuple(body.labels),
        label_map=maps[0].map if maps else None,
        abstain_below=body.abstain_below,
        system=recipe.prepare.system,
        user_style=recipe.prepare.user_style,
        sampling=decoding_of(recipe.evaluate.decoding, base, recipe.seed),
        prefilled=chat.prefilled,
        closes_unopened=not chat.prefilled and any(map(_closes_unopened, certified)),
        certified=certified,
        canary_prompts=tuple(tuple(chat.prompt_ids(each.messages, each.day)) for each in shipped.canaries),
    )


def _certified(shipped: Shipped, chat: Chat) -> tuple[str, ...]:
    return tuple(chat.decode(canary.answer_ids) for canary in shipped.canaries)


def _closes_unopened(text: str) -> bool:
    """Whether an answer closes a thinking that it did not open."""
    return CLOSE in text and not text.lstrip().startswith(OPEN)
