"""uvicorn's HTTP/1.1 connection, which hangs up on a client that does not say what it wants, or does not take it."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 10.0
"""The request line and all headers come within so long of the connection or of their first byte."""
SEND_SECONDS: Final = 60.0
"""A client that takes nothing of its answer for so long is hung up on."""
SYSTEM_BYTES: Final = 262_144
"""Of an answer, that the system keeps for a client."""


class PatientProtocol(H11Protocol):
    """Give it to uvicorn as `http=PatientProtocol`. uvicorn itself waits for headers, and for an answer to be taken,
    for ever; between two requests of a connection its own keep-alive time holds."""

    header_seconds = HEADER_SECONDS
    send_seconds = SEND_SECONDS
    _patience: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # what the client does not take is to be seen here, and not to lie in the system by the megabyte
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BYTES)
        transport.set_write_buffer_limits(high=0)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._patience is None:
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_less(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting_for_less()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_waiting_for_less()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.header_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _wait_for_less(self, num_bytes: int) -> None:
        self._untaken = self.loop.call_later(self.send_seconds, self._look_for_less, num_bytes)

    def _look_for_less(self, num_bytes: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < num_bytes:
            self._wait_for_less(left)
        else:
            self.transport.abort()  # closing would wait for the rest to be taken

    def _stop_waiting_for_less(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None
