"""A server while it runs: where it listens, when it is ready, and how it stops without cutting anybody off."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Final

import uvicorn

from tunesmith.errors import Phrase, Place, RunFailed, TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.serve.access import asks_for_keys, check_exposure
from tunesmith.serve.app import make_app
from tunesmith.serve.connection import PatientProtocol
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.log import log_config
from tunesmith.store import Store, list_keys

KEEP_ALIVE_SECONDS: Final = 5
MAX_HEADER_BYTES: Final = 16_384
TICKS_AN_HOUR: Final = 36_000
"""uvicorn ticks ten times a second."""
START_SECONDS: Final = 60.0
"""Of a server in a thread; who asks one that did not start is refused by the system."""
OTHER_THREADS: Final = 8
"""Beside one for each request that is taken: labels and embeddings wait there for the engine, and hold up no answer."""
LAST_SECONDS: Final = 5
"""For the last words of answers that are cancelled when the time to drain is over."""

OnReady = Callable[[str], None]
"""Told the address, once requests are answered there."""


def serve(deployment: Deployment, on_ready: OnReady) -> None:
    """Answer until told to stop by SIGTERM or SIGINT; the engine is closed then.

    Raises what `Server` raises, before anything is answered, and RunFailed `serve-unproved` where the model does not
    answer as it was certified.
    """
    try:
        server = Server(deployment, on_ready)
        with server.listening:
            server.run(sockets=[server.listening])
    finally:
        deployment.engine.close()
    if server.failure is not None:
        raise server.failure


@contextmanager
def serving_beside(deployment: Deployment) -> Iterator[str]:
    """The address of the same server in a thread of this process, while the block lasts; it writes no log.

    The engine is left open. Raises what `Server` raises.
    """
    ready = threading.Event()
    server = Server(deployment, lambda address: ready.set(), logs=False)
    with server.listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listening]}, name="server")
        thread.start()
        try:
            ready.wait(START_SECONDS)
            yield server.address
        finally:
            server.should_exit = True
            thread.join()


class Server(uvicorn.Server):
    """Stops in two steps: first new requests are refused, while answers that were begun go on; then it hangs up.

    A second signal hangs up at once.
    """

    def __init__(self, deployment: Deployment, on_ready: OnReady, *, logs: bool = True) -> None:
        """Raises TunesmithError `serve-open`, `serve-no-keys`, RunFailed `port-taken`."""
        section = deployment.section
        refuse_exposed(section, deployment.store)
        application = make_app(deployment)
        self.listening = _bound(section.host, section.port)
        self.deployment = deployment
        self._guards = application.guards
        self._on_ready = on_ready
        self._is_proved = False
        self.failure: RunFailed | None = None
        """Why it stopped by itself."""
        self._drain_until: float | None = None
        self._sweeping: asyncio.Task[object] | None = None
        super().__init__(
            uvicorn.Config(
                application.app,
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=log_config() if logs else None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=LAST_SECONDS,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            )
        )

    @property
    def address(self) -> str:
        """Where clients of OpenAI's API look for it."""
        host, port = self.listening.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    def drain(self) -> None:
        """Refuse what is new, and stop when what was begun is answered, or its time is over."""
        if self._drain_until is None:
            self._drain_until = time.monotonic() + self.deployment.section.limits.drain_seconds
            self._guards.readiness.drain()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Instead of uvicorn's own, which stops listening at once and dies of the signal in the end."""
        if self._drain_until is None:
            self.drain()
        else:
            self.should_exit = self.force_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        limits = self.deployment.section.limits
        threads = ThreadPoolExecutor(limits.max_running + limits.max_waiting + OTHER_THREADS, "tunesmith-serve")
        asyncio.get_running_loop().set_default_executor(threads)
        await super().startup(sockets)
        self._guards.readiness.start()

    async def on_tick(self, counter: int) -> bool:
        if not self._is_proved:
            self._look_at_proof()
        if counter % TICKS_AN_HOUR == 1:
            self._sweeping = asyncio.create_task(asyncio.to_thread(self._expire))
        if self._drain_until is not None and not self.should_exit:
            if time.monotonic() >= self._drain_until:
                await asyncio.to_thread(self.deployment.engine.close)
                self.should_exit = True
            self.should_exit |= not self.server_state.tasks
        return await super().on_tick(counter)

    def _look_at_proof(self) -> None:
        """Tell where it answers, or stop where the model does not answer as it was certified."""
        reason = self._guards.readiness.reason
        if reason is None:
            self._is_proved = True
            self._on_ready(self.address)
        elif reason in ("differs", "engine"):
            self.failure = RunFailed("serve-unproved", reason=Phrase(f"serve.not-ready.{reason}"))
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._guards.readiness.close()

    def _expire(self) -> None:
        """Remove what is older than the recipe keeps. A store that is down is tried again in an hour."""
        days = self.deployment.section.retention_days
        if days is None:
            return
        before = self.deployment.runtime.clock() - timedelta(days=days)
        try:
            self.deployment.store.expire(before)
        except TunesmithError:
            return


def refuse_exposed(section: Serve, store: Store) -> None:
    """Raises TunesmithError `serve-open`, `serve-no-keys`: who may come in is settled before anybody can."""
    keys = list_keys(store) if asks_for_keys(section) else []
    check_exposure(section, sum(key.fault(store.clock()) is None for key in keys))


def _bound(host: str, port: int) -> socket.socket:
    """Bound before the model is asked anything, and not yet listening. Raises RunFailed `port-taken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError as failure:
        listening.close()
        place = Place(f"{host}:{port}", field="serve.port")
        raise RunFailed("port-taken", place=place, port=port, problem=failure.strerror) from failure
    return listening
