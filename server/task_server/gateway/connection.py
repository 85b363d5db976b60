"""One connection of a caller: it is closed where the caller does not get on with it, which uvicorn waits for for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: How long the head of a request may take, from the connection or from its own first byte.
HEAD_SECONDS = 10.0
#: How long a caller may take in nothing of an answer that waits for it.
STALL_SECONDS = 30.0


class Connection(H11Protocol):
    """uvicorn's, which counts the time in which no request is being answered. Between two of them uvicorn itself counts."""

    _closing: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head, or for nothing once it is there."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._closing is None:
            self._wait()

    def pause_writing(self) -> None:
        """Begin to look whether the caller reads: it has more to read than is kept for it."""
        super().pause_writing()
        self._look_again()

    def resume_writing(self) -> None:
        """Look no more: it does."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._wait_no_more()
        super().connection_lost(exc)
        self._look_no_more()

    def _wait(self) -> None:
        self._closing = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _look_again(self) -> None:
        self._look_no_more()
        left = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(STALL_SECONDS, self._look, left)

    def _look_no_more(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._look_again()
        else:
            self.transport.abort()
