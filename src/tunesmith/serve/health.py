"""Whether the server lives, and whether it answers as the certificate says: by scoring the canaries, not by asking.

`/readyz` tells what the last proof found; a proof runs at start and again from time to time, in a thread of its own.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tunesmith.artifacts.bundle import Canary
from tunesmith.engine.interface import Engine
from tunesmith.errors import Phrase, TunesmithError
from tunesmith.records import Message, Role
from tunesmith.serve.errors import LOGGER, Refused

PROVE_EVERY_SECONDS: Final = 600.0
STUCK_SECONDS: Final = 120.0
"""An engine whose proof takes longer answers nobody."""

Reason = Literal["starting", "differs", "engine", "draining"]


@dataclass(frozen=True, slots=True)
class Proving:
    """The certified answers, and how far their likelihood may lie from what the certificate says."""

    canaries: Sequence[Canary]
    tolerance: float
    """In nats, of any one token."""
    adapter: str | None
    """The name in the engine of what was certified."""

    def difference(self, engine: Engine) -> float:
        """Largest difference of a log-probability from the certified one, in nats; NaN counts as infinite."""
        largest = 0.0
        for canary in self.canaries:
            prompt = tuple(Message(cast(Role, role), content) for role, content in canary.prompt)
            found = engine.score(prompt, canary.answer_ids, self.adapter)
            for now, certified in zip(found, canary.log_probabilities, strict=True):
                apart = abs(now - certified)
                largest = math.inf if math.isnan(apart) else max(largest, apart)
        return largest


class Readiness:
    """Whether requests are answered: not before the canaries are proved, not while they differ, and no new ones once
    the server was told to stop. Without canaries the engine only has to be there."""

    def __init__(self, engine: Engine, proving: Proving | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._proving = proving
        self._clock = clock
        self._found: Reason | None = "starting" if proving is not None else None
        self._began: float | None = None
        self._is_draining = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="readiness", daemon=True)

    @property
    def reason(self) -> Reason | None:
        """Why the server is not ready; None where it is."""
        if self._is_draining:
            return "draining"
        began = self._began
        return "engine" if began is not None and self._clock() - began > STUCK_SECONDS else self._found

    def check(self) -> None:
        """Raises Refused `not-ready`."""
        reason = self.reason
        if reason is not None:
            raise Refused("not-ready", reason=Phrase(f"serve.not-ready.{reason}"))

    def start(self) -> None:
        """Prove now and from time to time."""
        self._thread.start()

    def drain(self) -> None:
        """No new requests: the server was told to stop."""
        self._is_draining = True

    def close(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def prove(self) -> None:
        """Score the canaries. An engine that is too busy for it stays what it was."""
        if self._proving is None:
            return
        self._began = self._clock()
        try:
            difference = self._proving.difference(self._engine)
        except TunesmithError as failure:
            if failure.code != "queue-full":
                self._found = "engine"
        except Exception as failure:
            LOGGER.error("the proof failed", exc_info=failure)
            self._found = "engine"
        else:
            self._found = None if difference <= self._proving.tolerance else "differs"
        finally:
            self._began = None

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self.prove()
            self._stopped.wait(PROVE_EVERY_SECONDS)


async def livez() -> Response:
    """Whether the process answers at all."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Whether requests are answered, and as the certificate says."""
    cast(Readiness, request.app.state.readiness).check()
    return JSONResponse({"status": "ready"})
