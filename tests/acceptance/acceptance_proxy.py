"""A way to a TCP port that can fall silent: what is sent is taken by the kernel, and nothing comes back, as in a partition."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

_PROGRAM = """
import asyncio, sys

async def carry(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def accepted(reader, writer):
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

async def main():
    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Proxy:
    """A process that carries bytes to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def fall_silent(self) -> None:
        """Carry nothing any more; what is connected stays so, and more can connect."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Carry all that was held back, and what comes."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        assert self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
