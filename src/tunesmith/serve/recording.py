"""What is kept of answered requests. A store that is full or down costs the record, never the reply."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from tunesmith.errors import TunesmithError
from tunesmith.recipe.serve import Recording
from tunesmith.records import Exchange
from tunesmith.store import Store, recorded

RECORD_SECONDS: Final = 5.0
"""How long a reply waits for its record to be committed."""


def new_exchange_id() -> str:
    return f"ex-{secrets.token_hex(12)}"


class Recorder:
    """Records under a policy, and counts what could not be."""

    def __init__(self, store: Store, policy: Recording) -> None:
        self._store = store
        self._policy = policy
        self.num_dropped = 0

    async def record(self, exchanges: Sequence[Exchange]) -> bool:
        """Whether all of them are committed, as much of them as the policy keeps; not where it keeps nothing."""
        if self._policy == "off":
            return False
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                # texts are searched for personal data, which takes milliseconds
                kept = await asyncio.to_thread(self._kept, exchanges)
                await asyncio.gather(*(asyncio.wrap_future(self._store.record(exchange)) for exchange in kept))
        except (TunesmithError, TimeoutError):
            self.num_dropped += len(exchanges)
            return False
        return True

    def _kept(self, exchanges: Sequence[Exchange]) -> list[Exchange]:
        found = (recorded(exchange, self._policy, self._store.pseudonymiser) for exchange in exchanges)
        return [exchange for exchange in found if exchange is not None]
