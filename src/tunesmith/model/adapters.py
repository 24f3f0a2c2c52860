"""Several adapters beside one base, loaded and dropped while it is used; each stretch of tokens has its own.

Shapes: T tokens, I inputs, O outputs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.errors import Place, TunesmithError
from tunesmith.model.experts import LoraExperts
from tunesmith.model.lora import BASE_ONLY, CONFIG_FILE, WEIGHTS_FILE, AdapterRouting, LoraLinear
from tunesmith.model.method import attached
from tunesmith.model.virtual import virtual_ids

EVERYWHERE: Final = sys.maxsize
"""Where a stretch of tokens ends that covers all there are."""

Span = tuple[int, int, int]
"""(start, stop, adapter)"""


class RoutedLinear(nn.Module):
    """A linear layer of the base, and what each adapter has in its place: every adapter has its own rank and scale."""

    def __init__(self, base: nn.Module, routing: AdapterRouting) -> None:
        super().__init__()
        self.base = base
        self.routing = routing
        self.paths: dict[int, LoraLinear] = {}

    def forward(self, x: Tensor) -> Tensor:
        spans = self.routing.spans
        if len(spans) == 1:
            y: Tensor = self.paths.get(spans[0][2], self.base)(x)
            return y
        # the base's weights are read once, however many adapters there are
        y = self.base(x)
        x_TI, y_TO = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
        for start, stop, adapter in spans:
            path = self.paths.get(adapter)
            if path is not None:
                y_TO[start:stop] = path.beside(x_TI[start:stop], y_TO[start:stop])
        return y_TO.view(y.shape)


class RoutedExperts(nn.Module):
    """The routed experts of a mixture's layer, and what each adapter has in their place."""

    def __init__(self, base: nn.Module, routing: AdapterRouting) -> None:
        super().__init__()
        self.base = base
        self.routing = routing
        self.paths: dict[int, LoraExperts] = {}

    def forward(self, x_TH: Tensor, experts_TK: Tensor, weights_TK: Tensor) -> Tensor:
        pieces = [
            self.paths.get(adapter, self.base)(x_TH[start:stop], experts_TK[start:stop], weights_TK[start:stop])
            for start, stop, adapter in self.routing.spans
        ]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


class Adapters:
    """The adapters of a model, by number. One thread uses model and adapters."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._routing = AdapterRouting(((0, EVERYWHERE, BASE_ONLY),))
        self._layers: dict[int, dict[str, LoraLinear | LoraExperts]] = {}
        self._routed: dict[str, RoutedLinear | RoutedExperts] = {}

    def load(self, number: int, folder: Path) -> None:
        """Raises TunesmithError `adapter-misfit` where the folder holds no LoRA adapter of this base."""
        missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
        if missing:
            raise TunesmithError("adapter-misfit", place=Place(str(folder)), problem=missing[0])
        self._take_out()
        try:
            with attached(self._model, folder):
                found = {
                    name: module
                    for name, module in self._model.named_modules()
                    if isinstance(module, LoraLinear | LoraExperts)
                }
                virtual = virtual_ids(self._model)
        except TunesmithError as failure:
            place = failure.place or Place(str(folder))
            raise TunesmithError("adapter-misfit", place=place, problem=failure.code) from failure
        except (ValueError, KeyError, SafetensorError) as failure:
            problem = f"{type(failure).__name__} {failure}"
            raise TunesmithError("adapter-misfit", place=Place(str(folder)), problem=problem) from failure
        finally:
            self._put_in()
        if virtual or not found:
            raise TunesmithError("adapter-misfit", place=Place(str(folder)), problem="lora")
        self._layers[number] = {name: layer.eval() for name, layer in found.items()}
        self._route(number)

    def drop(self, number: int) -> None:
        for name in self._layers.pop(number):
            routed = self._routed[name]
            del routed.paths[number]
            if not routed.paths:
                self._model.set_submodule(name, self._routed.pop(name).base)

    def use(self, spans: Sequence[Span]) -> None:
        """Which adapter, or BASE_ONLY, each stretch of the next steps' tokens has, in order."""
        self._routing.spans = tuple(spans)

    @contextmanager
    def using(self, number: int) -> Iterator[None]:
        """One adapter, or BASE_ONLY, for all tokens while the block lasts."""
        before = self._routing.spans
        self._routing.spans = ((0, EVERYWHERE, number),)
        try:
            yield
        finally:
            self._routing.spans = before

    def _route(self, number: int) -> None:
        for name, layer in self._layers[number].items():
            if name not in self._routed:
                kind = RoutedLinear if isinstance(layer, LoraLinear) else RoutedExperts
                routed = kind(self._model.get_submodule(name), self._routing)
                self._routed[name] = routed
                self._model.set_submodule(name, routed)
            self._routed[name].paths[number] = layer  # type: ignore[assignment]

    def _take_out(self) -> None:
        """Let the model be the bare base."""
        for name, routed in self._routed.items():
            self._model.set_submodule(name, routed.base)

    def _put_in(self) -> None:
        for name, routed in self._routed.items():
            self._model.set_submodule(name, routed)
