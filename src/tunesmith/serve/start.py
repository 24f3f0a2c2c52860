"""From a bundle to what answers: one of its forms in an engine, under the names that it is served by."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts.bundle import RECIPE, Bundle, BundleBody, Canary
from tunesmith.artifacts.calibration import SavedMap
from tunesmith.artifacts.head import read_head
from tunesmith.chat import Chat, load_chat
from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.interface import Engine
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.decoding import decoding_of
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Serve
from tunesmith.runtime import Runtime
from tunesmith.serve.deployment import Deployment, Facts, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.store import Store

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


@dataclass(frozen=True)
class _Loaded:
    """One form in memory. `is_beside` says that the weights are the base's, and the adapter goes to the engine."""

    model: PreTrainedModel
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
    )


def open_bundle(bundle: Bundle, section: Serve, runtime: Runtime) -> Opened:
    """Load a form and start its engine. Imports torch. Raises TunesmithError `serve-form`, what `open_form` raises."""
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
    return open_form(shipped, section, runtime, BatchingEngine)


def open_form(shipped: Shipped, section: Serve, runtime: Runtime, make_engine: Callable[..., BatchingEngine]) -> Opened:
    """The same of one form; `make_engine` is BatchingEngine, or one that does more.

    Raises TunesmithError `serve-head`; what `form_base`, `load_form` and `Engine.load_adapter` raise.
    """
    body = shipped.body
    loaded = _load(shipped, runtime)
    facts, now = _facts(shipped, loaded), runtime.clock()
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
    if read_head(folder / form) is not None:
        raise TunesmithError("serve-head", place=Place(str(folder / form)))
    torch.set_num_threads(runtime.num_threads)
    base, dtype = form_base(folder, body, form), compute_dtype(body.precision)
    is_beside = form == "adapter" and _is_lora(folder / form)
    if is_beside:
        model = load_model(base.folder, dtype=dtype, device=runtime.device, four_bit=body.base.four_bit)
    else:
        model = load_form(folder, body, form, dtype=dtype, device=runtime.device)
    return _Loaded(model, base, load_chat(base.folder, body.style_of(form)), is_beside)


def _is_lora(folder: Path) -> bool:
    """Prompts and prefixes stand before every row, and so cannot go beside a base that answers too."""
    settings: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return settings.get("peft_type") == "LORA"


def _name_of_base(body: BundleBody) -> str:
    """A folder's name alone: where it lies is nobody's business. Never that of the tuned model."""
    reference = body.base.reference
    name = Path(reference).name if Path(reference).is_dir() else reference
    return name if name != body.name else f"{name}-base"


def _facts(shipped: Shipped, loaded: _Loaded) -> Facts:
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
        sampling=decoding_of(recipe.evaluate.decoding, loaded.base, recipe.seed),
        takes_adapters=loaded.is_beside,
        prefilled=loaded.chat.prefilled,
        closes_unopened=_closes_unopened(shipped.canaries, loaded.chat),
    )


def _closes_unopened(canaries: Sequence[Canary], chat: Chat) -> bool:
    """Whether a certified answer closes a thinking that neither it nor its prompt opened."""
    texts = (chat.decode(canary.answer_ids).lstrip() for canary in canaries)
    return not chat.prefilled and any(CLOSE in text and not text.startswith(OPEN) for text in texts)
