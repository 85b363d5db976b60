"""A network link that can go silent: what goes over it is held back, and comes when it speaks again, as TCP has it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading

_PIECE_BYTES = 65_536
#: To linger for no time at all: the kernel then sends a reset, and not the end of the stream (socket(7)).
_RESET = struct.pack("ii", 1, 0)


class Link:
    """Takes connections on a port of its own and carries them to another port of this machine, in a thread."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._carried: set[asyncio.StreamWriter] = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, name="link")
        self._thread.start()

    def silence(self) -> None:
        """Carry nothing from now on, neither way. Connections stay, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._speaks.clear)

    def speak(self) -> None:
        """Carry what was held back, and all that follows."""
        self._loop.call_soon_threadsafe(self._speaks.set)

    def forget(self) -> None:
        """Reset all connections, as a firewall does that has lost its table."""
        self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        """End it, with all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        self._carried.add(writer)
        try:
            await self._speaks.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            self._carried.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pass  # one of the two ends is gone, and so goes the other
        finally:
            for each in writers:
                each.transport.abort()
            self._carried.difference_update(writers)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            await self._speaks.wait()
            writer.write(piece)
            await writer.drain()
        await self._speaks.wait()
        # Whoever ends a connection here ends it as a whole.
        raise ConnectionResetError

    def _reset(self) -> None:
        for writer in self._carried:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*rest, return_exceptions=True)
