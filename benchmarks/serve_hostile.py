"""What a server should refuse at little cost: every field of every body with what is too large, too deep or no JSON.

Fields are found in the models of the bodies, so that a new one is asked for too. The longest wait of all refusals and
what the server has grown by is measured over HTTP.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import httpx2
from pydantic.fields import FieldInfo

from benchmarks.serve_server import Server, served_model, start_ours
from tunesmith.serve.bodies import (
    AdapterBody,
    Body,
    ChatBody,
    ClassifyBody,
    CompletionBody,
    EmbeddingBody,
    FeedbackBody,
)

CHAT: Final = "/v1/chat/completions"
BODIES: Final[Mapping[str, type[Body]]] = {
    CHAT: ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/embeddings": EmbeddingBody,
    "/v1/classify": ClassifyBody,
    "/v1/feedback": FeedbackBody,
    "/v1/models/load": AdapterBody,
    "/v1/models/unload": AdapterBody,
}
MODEL: Final = "@model@"
HOLE: Final = "@hole@"
_MESSAGE: Final = {"role": "user", "content": [{"type": "text", "text": "Hello?"}]}
_FORMAT: Final = {"type": "json_schema", "json_schema": {"name": "said", "schema": {}}}
_EXCHANGE: Final = "ex-" + "0" * 24
SOUND: Final[Mapping[str, Sequence[dict[str, Any]]]] = {
    CHAT: [
        {"model": MODEL, "messages": [_MESSAGE]},
        {"model": MODEL, "messages": [_MESSAGE], "response_format": _FORMAT},
        {"model": MODEL, "messages": [_MESSAGE], "stream_options": {}},
    ],
    "/v1/completions": [
        {"model": MODEL, "prompt": "Once"},
        {"model": MODEL, "prompt": "Once", "stream_options": {}},
    ],
    "/v1/embeddings": [{"model": MODEL, "input": "text"}],
    "/v1/classify": [{"model": MODEL, "input": "text"}, {"model": MODEL, "messages": [_MESSAGE]}],
    "/v1/feedback": [
        {"exchange": _EXCHANGE, "kind": "thumb", "value": 1},
        {"exchange": _EXCHANGE, "kind": "rating", "value": 1, "dimension": "fluency"},
        {"exchange": _EXCHANGE, "kind": "comment", "text": "Good."},
        {"exchange": _EXCHANGE, "kind": "preference", "preferred": _EXCHANGE},
    ],
    "/v1/models/load": [{"name": "other"}],
    "/v1/models/unload": [{"name": "other"}],
}
"""By address bodies that are answered, which together have every field that holds others."""
SIZE: Final = 1_000_000
DEPTH: Final = 100_000
HEAVY: Final[Mapping[str, bytes]] = {
    "long text": b'"' + b"a" * SIZE + b'"',
    "long text in Chinese": b'"' + "名".encode() * (SIZE // 3) + b'"',
    "escaped characters": b'"' + rb"\u0041" * (SIZE // 6) + b'"',
    "escaped quotes": b'"' + rb"\"," * (SIZE // 3) + b'"',
    "a long text in an object": b'{"a": "' + b"a" * SIZE + b'"}',
    "deep lists": b"[" * DEPTH + b"]" * DEPTH,
    "deep objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "many numbers": b"[" + b"1," * (SIZE // 2) + b"1]",
    "many lists": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "many objects": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "many texts": b"[" + b'"",' * (SIZE // 3) + b'""]',
    "many fields": b"{" + b",".join(b'"%d":0' % number for number in range(SIZE // 10)) + b"}",
    "many digits": b"1" * SIZE,
    "a number too large": b"1e999",
    "no number": b"NaN",
    "no UTF-8": b'"' + b"a" * (SIZE // 2) + b'\xff"',
    "half a character": b'"' + b"a" * (SIZE // 2) + rb'\ud800"',
}
"""What no field may hold, as JSON or as what is none; with a sound body around it under the server's limit of bytes."""
WORDS: Final = b'"' + b"a bb ccc " * 7_000 + b'"'
"""What `builtin:tiny` reads before it is too long: under 16 characters a token, over its tokens."""
TRIES: Final = 3
SPARSE: Final = 19
"""A quick run asks one of so many; no divisor of the number of things that a field may hold, so that all come up."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a body, nested ones too."""

    address: str
    keys: tuple[str | int, ...]
    info: FieldInfo

    @property
    def name(self) -> str:
        """`messages.content.text`."""
        return ".".join(key for key in self.keys if isinstance(key, str))

    def body(self, raw: bytes, model: str) -> bytes:
        """A body that is sound but for this field."""
        tree = deepcopy(_sound(self.address, self.keys))
        _at(tree, self.keys[:-1])[self.keys[-1]] = HOLE
        told = json.dumps(tree).replace(json.dumps(MODEL), json.dumps(model)).encode()
        return told.replace(json.dumps(HOLE).encode(), raw)


def places() -> Iterator[Place]:
    """Every field of every body."""
    for address, kind in BODIES.items():
        yield from _places(address, kind, ())


def _places(address: str, kind: type[Body], keys: tuple[str | int, ...]) -> Iterator[Place]:
    for name, info in kind.model_fields.items():
        here = (*keys, info.alias or name)
        yield Place(address, here, info)
        for inner in nested(info.annotation):
            stands_in_list = isinstance(_at(_sound(address, here), here), list)
            yield from _places(address, inner, (*here, 0) if stands_in_list else here)


def nested(annotation: Any) -> Iterator[type[Body]]:
    """The bodies that a field of this type may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Body):
        yield annotation
    for part in get_args(annotation):
        yield from nested(part)


def _sound(address: str, keys: tuple[str | int, ...]) -> dict[str, Any]:
    """A body that has the field, else one that has what it would stand in."""
    return next(body for wanted in (keys, keys[:-1]) for body in SOUND[address] if _has(body, wanted))


def _has(body: Any, keys: tuple[str | int, ...]) -> bool:
    try:
        _at(body, keys)
    except (KeyError, IndexError):
        return False
    return True


def _at(tree: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        tree = tree[key]
    return tree


@dataclass(frozen=True, slots=True)
class HostileResult:
    num_requests: int
    num_accepted: int
    """With any other status than 4xx."""
    worst_seconds: float
    """Of the medians of a few tries."""
    worst: str
    """What took so long."""
    grown_bytes: int
    """Of resident memory, after the first tenth of the requests."""


def hostile_trial(bundle: Path, workspace: Path, *, quick: bool) -> HostileResult:
    """One request after the other, each a few times."""
    with start_ours(bundle, workspace) as server, httpx2.Client(timeout=60.0) as client:
        asked = list(hostile_requests(served_model(server.url)))[:: SPARSE if quick else 1]
        root = server.url.removesuffix("/v1")
        first = len(asked) // 10 + 1
        told = [_asked(client, root, *one) for one in asked[:first]]
        before = resident_bytes(server)
        told += [_asked(client, root, *one) for one in asked[first:]]
        grown = resident_bytes(server) - before
    names = [f"{what} to {address}" for address, what, _ in asked]
    seconds, worst = max(zip((seconds for seconds, _ in told), names, strict=True))
    accepted = sum(not all(400 <= status < 500 for status in statuses) for _, statuses in told)
    return HostileResult(len(asked), accepted, seconds, worst, grown)


def hostile_requests(model: str) -> Iterator[tuple[str, str, bytes]]:
    """(address, what it is, body)"""
    for place in places():
        for what, raw in HEAVY.items():
            yield place.address, f"{place.name}: {what}", place.body(raw, model)
    for address, keys in ((CHAT, ("messages", 0, "content")), ("/v1/completions", ("prompt",))):
        (place,) = (each for each in places() if (each.address, each.keys) == (address, keys))
        yield address, f"{place.name}: more than fits", place.body(WORDS, model)


def _asked(client: httpx2.Client, root: str, address: str, what: str, body: bytes) -> tuple[float, list[int]]:
    """Median seconds until the refusal is there, and the statuses."""
    seconds, statuses = [], []
    for _ in range(TRIES):
        started = time.perf_counter()
        answer = client.post(root + address, content=body, headers={"content-type": "application/json"})
        seconds.append(time.perf_counter() - started)
        statuses.append(answer.status_code)
    return statistics.median(seconds), statuses


def resident_bytes(server: Server) -> int:
    """Memory that a process has now."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii").splitlines()
    (told,) = (line for line in lines if line.startswith("VmRSS:"))
    return 1024 * int(told.split()[1])
