"""What a server answers with: an engine, the names that it is asked by, and what is known of its model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tunesmith.artifacts.bundle import Bundle
from tunesmith.engine.interface import Engine
from tunesmith.errors import TunesmithError
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message, Sampling
from tunesmith.runtime import Runtime
from tunesmith.serve.recording import Recorder
from tunesmith.stats.maps import Map
from tunesmith.store import Store

Numbers = Callable[[Sequence[Sequence[Message]]], list[float]]
"""Conversations to the numbers that a model predicts of them."""


@dataclass(frozen=True, slots=True)
class Served:
    """A name that requests may ask for, and what answers to it."""

    name: str
    adapter: str | None
    """Its name in the engine; None where the loaded weights themselves answer."""
    version: str
    """Key of the Bundle; of a base the hash of its files."""
    created: datetime
    parent: str | None = None
    """The served name of the base, where that is served too."""
    is_loaded: bool = False
    """Whether it came by `/v1/models/load`, and can be unloaded."""


class ServedModels:
    """The names that are served now, in the order in which they came. Changed on the event loop alone."""

    def __init__(self, first: tuple[Served, ...]) -> None:
        self._by_name = {each.name: each for each in first}

    def __iter__(self) -> Iterator[Served]:
        return iter(tuple(self._by_name.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def find(self, name: str) -> Served:
        """Raises TunesmithError `model-unknown`."""
        if name not in self._by_name:
            raise TunesmithError("model-unknown", name=name, known=", ".join(self._by_name))
        return self._by_name[name]

    def add(self, model: Served) -> None:
        self._by_name[model.name] = model

    def remove(self, name: str) -> None:
        del self._by_name[name]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the tuned model that a server was started with."""

    name: str
    """That it is asked by."""
    form: FormName
    labels: tuple[str, ...] = ()
    """The classes, where labels are chosen."""
    label_map: Map | None = None
    """Mends the confidence in a label."""
    abstain_below: float | None = None
    """Labels of less mended confidence are withheld."""
    system: str | None = None
    """The system message before every training row that had none."""
    user_style: str = "{prompt}"
    """What stood around the text of the user."""
    sampling: Sampling = field(default_factory=Sampling)
    """How the judged model answered: holds where a request does not say otherwise."""
    takes_adapters: bool = False
    """Whether adapters can be loaded beside the base."""
    prefilled: bool = False
    """Whether a prompt already opens the thinking."""
    closes_unopened: bool = False
    """Whether certified answers close a thinking that no tag opened."""
    certified: tuple[str, ...] = ()
    """What the certified answers say, in the order of the canaries."""
    canary_prompts: tuple[tuple[int, ...], ...] = ()
    """The tokens of their prompts, as they are rendered here."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that the routes of one server share; there is nothing global beside it."""

    bundle: Bundle | None
    """None of an engine without one, as in tests: it has no canaries to prove."""
    facts: Facts
    engine: Engine
    store: Store
    section: Serve
    runtime: Runtime
    models: ServedModels
    recorder: Recorder
    """Keeps what was answered, and counts what could not be kept."""
    numbers: Numbers | None = None
    """What the head of a regressor gives; None of any other model."""
