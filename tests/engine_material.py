"""What tests of engines share: whole answers, and adapters with numbers that matter."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedModel

from tunesmith.engine.interface import Delta, Engine, Request
from tunesmith.model.lora import attach_lora, save_adapter
from tunesmith.recipe import Lora
from tunesmith.records import Message, Sampling

PROMPTS = ("hi", "What is the answer to this question?", "问题的答案是什么？请一步一步地思考。", "7", "hi there")
CONVERSATIONS = [[Message("user", text)] for text in PROMPTS]
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Heard:
    """All pieces of one answer."""

    deltas: list[Delta] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, delta: Delta) -> None:
        assert not self.over.is_set()
        self.deltas.append(delta)
        if delta.is_last:
            self.over.set()

    def wait(self) -> Heard:
        assert self.over.wait(PATIENCE_SECONDS)
        return self

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self.deltas)

    @property
    def ids(self) -> list[int]:
        return [id for delta in self.deltas for id in delta.ids]

    @property
    def last(self) -> Delta:
        return self.deltas[-1]


def hear(engine: Engine, requests: Sequence[Request]) -> list[Heard]:
    """The whole answers to requests that are asked at once."""
    heard = [Heard() for _ in requests]
    for request, each in zip(requests, heard, strict=True):
        engine.submit(request, each)
    return [each.wait() for each in heard]


def asking(text: str, **settings: object) -> Request:
    sampling = Sampling(**{"max_new_tokens": 12, **settings})  # type: ignore[arg-type]
    return Request((Message("user", text),), sampling)


def make_adapter(model: PreTrainedModel, folder: Path, method: Lora, seed: int) -> Path:
    """PEFT's folder of an adapter that changes what the model says."""
    adapted = deepcopy(model)
    attach_lora(adapted, method, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_b" in name:
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, 0.2, generator=generator))
            elif "magnitudes" in name:
                parameter.mul_(torch.empty(parameter.shape).uniform_(0.7, 1.3, generator=generator))
    save_adapter(adapted, method, "base", folder)
    return folder
