"""One OpenAI-compatible server, asked over HTTP: whole JSON and server-sent events, each within bounds. No torch here.

Only the address of the recipe is asked: no redirect is followed, no proxy of the environment is taken. What comes back
is somebody else's: it is never unpacked, its size is bounded, and no word of it stands in an error, which a stranger
may read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, TypeVar

from httpx2 import AsyncClient, EventSource, Limits, Response, SSEError, Timeout, TransportError
from pydantic import ValidationError

from tunesmith.engine.chunk import Told
from tunesmith.engine.endpoint import certificates
from tunesmith.errors import Phrase, RunFailed, TunesmithError
from tunesmith.recipe.endpoint import Host
from tunesmith.runtime import Runtime

MAX_EVENT_BYTES: Final = 2**20
MAX_REPLY_BYTES: Final = 2**26
"""Of one whole reply, or of all events of a stream."""
CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 2.0
"""uvicorn, and so vLLM, hangs up after 5: a connection that is about to go is not taken again."""
NUM_TRIES: Final = 4
MAX_WAIT_SECONDS: Final = 30.0
REFUSED: Final = frozenset((400, 413, 422))
"""What the request asks for is at fault; any other status is the server's own."""
BUSY: Final = frozenset((429, 503))
DONE: Final = "[DONE]"
_Told = TypeVar("_Told", bound=Told)


def upstream_at(host: Host, runtime: Runtime) -> Upstream:
    """The server at an address of the recipe. Raises TunesmithError `endpoint-key`."""
    key = None if host.key is None else runtime.secrets.get(host.key)
    if host.key is not None and not key:
        raise TunesmithError("endpoint-key", name=host.key, model=host.model)
    return Upstream(host, key)


class Upstream:
    """Asked within `async with`, on one event loop.

    Every request raises RunFailed `engine-unreachable` where nobody answers in time, `engine-busy` and `engine-status`
    by the status of the answer, `engine-broke-off` where it ends too early, `engine-garbled` where it is none; and
    TunesmithError `engine-refused` for what the server does not take.
    """

    def __init__(self, host: Host, key: str | None) -> None:
        self.url, self.model = host.url.rstrip("/"), host.model
        headers = {"accept-encoding": "identity", "content-type": "application/json"}
        self._client = AsyncClient(
            headers=headers | ({"authorization": f"Bearer {key}"} if key else {}),
            timeout=Timeout(host.timeout_seconds, connect=min(CONNECT_SECONDS, host.timeout_seconds), pool=None),
            limits=Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS),
            verify=certificates(),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Upstream:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, kind: type[_Told]) -> _Told:
        """What stands at a path below the address."""
        async with self._answer("GET", path, None) as response:
            return _read(await _whole(response), kind)

    async def post(self, path: str, body: Mapping[str, Any], kind: type[_Told]) -> _Told:
        """The whole answer; `body` is sent with the name of the model."""
        async with self._answer("POST", path, body) as response:
            return _read(await _whole(response), kind)

    async def events(self, path: str, body: Mapping[str, Any], kind: type[_Told]) -> AsyncGenerator[_Told, None]:
        """The data of each event of an answer that is streamed. Close it to hang up."""
        async with self._answer("POST", path, {**body, "stream": True}) as response:
            num_bytes = 0
            async for event in EventSource(response, MAX_EVENT_BYTES):
                num_bytes += len(event.data)
                if num_bytes > MAX_REPLY_BYTES:
                    raise garbled("large")
                if event.data and event.data != DONE:
                    yield _read(event.data, kind)

    @asynccontextmanager
    async def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[Response]:
        response = await self._begun(method, path, body)
        try:
            yield response
        except SSEError as failure:
            raise garbled("events") from failure
        except TransportError as failure:
            raise RunFailed("engine-broke-off") from failure
        finally:
            await response.aclose()

    async def _begun(self, method: str, path: str, body: Mapping[str, Any] | None) -> Response:
        """An answer of status 200, still to be read. A server that is busy is asked again when it says so."""
        # escapes, since half a character of a text has no bytes
        content = None if body is None else json.dumps({"model": self.model, **body}).encode()
        request = self._client.build_request(method, f"{self.url}/{path}", content=content)
        num_left = NUM_TRIES
        while True:
            try:
                response = await self._client.send(request, stream=True)
            except TransportError as failure:
                raise RunFailed("engine-unreachable", problem=type(failure).__name__) from failure
            if response.status_code == 200 and "content-encoding" not in response.headers:
                return response
            await response.aclose()
            num_left -= 1
            seconds = _asked_seconds(response)
            if seconds is None or not num_left:
                raise _refusal(response.status_code)
            await asyncio.sleep(seconds)


def garbled(problem: str) -> RunFailed:
    """`problem` ends a key of the catalogue, `engine.garbled.*`."""
    return RunFailed("engine-garbled", problem=Phrase(f"engine.garbled.{problem}"))


def _asked_seconds(response: Response) -> float | None:
    """When a busy server wants to be asked again; None where it does not, or too late."""
    asked = response.headers.get("retry-after", "")
    if response.status_code not in BUSY or not asked.isdecimal() or float(asked) > MAX_WAIT_SECONDS:
        return None
    return float(asked)


def _refusal(status: int) -> TunesmithError:
    if status == 200:
        return garbled("packed")
    if status in BUSY:
        return RunFailed("engine-busy")
    if status in REFUSED:
        return TunesmithError("engine-refused", status=status)
    return RunFailed("engine-status", status=status)


async def _whole(response: Response) -> bytes:
    found = bytearray()
    async for part in response.aiter_raw():
        found += part
        if len(found) > MAX_REPLY_BYTES:
            raise garbled("large")
    return bytes(found)


def _read(said: str | bytes, kind: type[_Told]) -> _Told:
    try:
        return kind.model_validate_json(said)
    except ValidationError as failure:
        raise garbled("json") from failure
