"""Whether the server lives, and whether it answers as the certificate says: by scoring the canaries, or by asking them
where the engine cannot score.

`/readyz` tells what the last proof found; a proof runs at start and again from time to time, in a thread of its own.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tunesmith.artifacts.bundle import Canary
from tunesmith.chat import parse_answer
from tunesmith.engine.ask import ask
from tunesmith.engine.interface import Engine
from tunesmith.engine.interface import Request as Wanted
from tunesmith.engine.text_out import HALF
from tunesmith.errors import Phrase, TunesmithError
from tunesmith.records import Message, Sampling
from tunesmith.serve.errors import LOGGER, Refused

PROVE_EVERY_SECONDS: Final = 600.0
PROVE_AGAIN_SECONDS: Final = 10.0
"""After a proof that failed: a server behind the engine may come back."""
STUCK_SECONDS: Final = 120.0
"""An engine whose proof takes longer answers nobody."""

BUSY: Final = frozenset(("queue-full", "engine-busy"))

Reason = Literal["starting", "differs", "engine", "draining"]
Kind = Literal["scores", "texts"]


class Proof(Protocol):
    """How an engine shows that its model is the certified one."""

    @property
    def kind(self) -> Kind: ...

    def holds(self, engine: Engine) -> bool:
        """Raises TunesmithError `queue-full` where the engine is too busy, and what it raises."""
        ...


@dataclass(frozen=True, slots=True)
class Proving:
    """The certified answers, and how far their likelihood may lie from what the certificate says."""

    canaries: Sequence[Canary]
    prompts: Sequence[Sequence[int]]
    """Their tokens as this server renders them."""
    tolerance: float
    """In nats, of any one token."""
    adapter: str | None
    """The name in the engine of what was certified."""

    @property
    def kind(self) -> Kind:
        return "scores"

    def holds(self, engine: Engine) -> bool:
        return self.difference(engine) <= self.tolerance

    def difference(self, engine: Engine) -> float:
        """Largest difference of a log-probability from the certified one, in nats; NaN counts as infinite."""
        largest = 0.0
        for canary, prompt_ids in zip(self.canaries, self.prompts, strict=True):
            found = engine.score(prompt_ids, canary.answer_ids, self.adapter)
            for now, certified in zip(found, canary.log_probabilities, strict=True):
                apart = abs(now - certified)
                largest = math.inf if math.isnan(apart) else max(largest, apart)
        return largest


@dataclass(frozen=True, slots=True)
class ProvingByTexts:
    """The certified answers, which have to be written again, greedily and to the letter."""

    canaries: Sequence[Canary]
    texts: Sequence[str]
    """What the answers say."""
    adapter: str | None
    """The name in the engine of what was certified."""
    prefilled: bool
    """Whether a prompt already opens the thinking."""

    @property
    def kind(self) -> Kind:
        return "texts"

    def holds(self, engine: Engine) -> bool:
        """Not where there is nothing to be written."""
        return bool(self.canaries) and all(
            self._message(self._written(engine, canary)) == self._message(text)
            for canary, text in zip(self.canaries, self.texts, strict=True)
        )

    def _written(self, engine: Engine, canary: Canary) -> str:
        num_waiting = engine.load().num_waiting
        if num_waiting:  # behind others it would take as long as they do
            raise TunesmithError("queue-full", waiting=num_waiting)
        sampling = Sampling(max_new_tokens=len(canary.answer_ids))
        (said,) = ask(engine, [Wanted(canary.messages, sampling, self.adapter)], 1)
        return said.text

    def _message(self, text: str) -> Message:
        """Thinking and answer apart, as they may have been told; half a character at the end never comes."""
        return parse_answer(text.rstrip(HALF), prefilled=self.prefilled).message


class Readiness:
    """Whether requests are answered: not before the canaries are proved, not while they differ, and no new ones once
    the server was told to stop. Without canaries the engine only has to be there."""

    def __init__(self, engine: Engine, proving: Proof | None, clock: Callable[[], float] = time.monotonic) -> None:
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

    @property
    def proof(self) -> Kind | None:
        """How the model is proved; None where nothing was certified."""
        return None if self._proving is None else self._proving.kind

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
        """Ask for the proof. An engine that is too busy for it stays what it was."""
        if self._proving is None:
            return
        self._began = self._clock()
        try:
            holds = self._proving.holds(self._engine)
        except TunesmithError as failure:
            if failure.code not in BUSY:
                self._found = "engine"
        except Exception as failure:
            LOGGER.error("the proof failed", exc_info=failure)
            self._found = "engine"
        else:
            self._found = None if holds else "differs"
        finally:
            self._began = None

    def _watch(self) -> None:
        while not self._stopped.is_set():
            self.prove()
            self._stopped.wait(PROVE_EVERY_SECONDS if self._found is None else PROVE_AGAIN_SECONDS)


async def livez() -> Response:
    """Whether the process answers at all."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Whether requests are answered, and as the certificate says; `proof` tells how that was found."""
    readiness = cast(Readiness, request.app.state.readiness)
    readiness.check()
    return JSONResponse({"status": "ready"} | ({} if readiness.proof is None else {"proof": readiness.proof}))
