"""Bundles of the embedded base without a training, and real servers of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from export_material import certified, exporting, tuned_model

from tunesmith.artifacts.bundle import Bundle, BundleBody, Canary
from tunesmith.chat import Chat, load_chat
from tunesmith.export.exporting import Certified
from tunesmith.export.run import export
from tunesmith.model.base import find_base
from tunesmith.model.form import load_form
from tunesmith.recipe import Lora
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message
from tunesmith.runtime import Runtime, Silent
from tunesmith.serve.run import Server
from tunesmith.serve.start import deploy
from tunesmith.store import workspace_store

TINY = "builtin:tiny"
LABELS = ("billing", "delivery")
ASKED = [
    (Message("user", "Where is my parcel?"),),
    (Message("system", "Be brief."), Message("user", "我的包裹在哪里？")),
]
NUM_TOKENS = 8
"""Of a certified answer."""


def bundle_in(folder: Path, name: str, *, shift: float = 0.0, reference: str = TINY, day: date | None = None) -> Bundle:
    """Its canaries are certified by another library's plain forward pass; `shift` makes them wrong. They were asked on
    a `day`."""
    base = find_base(reference)
    model = tuned_model(folder / "model", base, Lora(rank=4 if name == "desk" else 8))
    made = exporting(folder, reference, model, name=name, export={"forms": ["adapter", "merged"]})
    made = replace(made, task="labels", labels=LABELS)

    def certify(staging: Path, body: BundleBody) -> Certified:
        done = certified()(staging, body)
        judged = load_form(staging, body, "merged", dtype=torch.float32, device="cpu")
        chat = load_chat(base.folder)
        canaries = tuple(_canary(judged, chat, messages, shift, day) for messages in ASKED)
        tolerances = {form.name: 0.01 for form in body.forms}
        certificate = done.certificate.model_copy(update={"canary_tolerances": tolerances})
        return replace(done, canaries=canaries, certificate=certificate)

    runtime = Runtime(folder, folder / "cache", num_threads=1)
    return export(made, runtime=runtime, progress=Silent(), out=folder / "bundle", certify=certify)


@torch.no_grad()
def _canary(judged: Any, chat: Chat, messages: tuple[Message, ...], shift: float, day: date | None) -> Canary:
    prompt, answer = chat.prompt_ids(messages, day), list[int]()
    while len(answer) < NUM_TOKENS and chat.end_ids.isdisjoint(answer):
        answer.append(int(judged(torch.tensor([prompt + answer])).logits[0, -1].argmax()))
    logs = judged(torch.tensor([prompt + answer])).logits[0].log_softmax(1)
    found = [float(logs[len(prompt) - 1 + place, token]) + shift for place, token in enumerate(answer)]
    said = [(message.role, message.content) for message in messages]
    return Canary(prompt=said, answer_ids=answer, log_probabilities=found, day=day)


@contextmanager
def serving(bundle: Bundle, folder: Path, **section: Any) -> Iterator[Server]:
    runtime = Runtime(folder, folder / "cache", num_threads=1)
    ready = threading.Event()
    section = {"port": 0, "record": "full", **section}
    with workspace_store(runtime) as store:
        deployment = deploy(bundle, Serve.model_validate(section), store, runtime)
        server = Server(deployment, lambda address: ready.set())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listening]})
        thread.start()
        try:
            assert ready.wait(60)
            yield server
        finally:
            server.drain()
            thread.join(60)
            deployment.engine.close()
