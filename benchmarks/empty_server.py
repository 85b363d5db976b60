"""The reference for our RPCs: a grpc.aio server whose one unary call does nothing. `python -m benchmarks.empty_server`."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

METHOD = "/benchmarks.Empty/Call"


@contextlib.contextmanager
def running() -> Iterator[tuple[str, int]]:
    """Run it as a process of its own; gives its address and process id."""
    command = [sys.executable, "-m", "benchmarks.empty_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


async def _answer(_request: Empty, _context: Any) -> Empty:
    return Empty()


async def _serve() -> None:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(_answer, Empty.FromString, Empty.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("benchmarks.Empty", {"Call": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    # Until the parent is gone.
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(_serve())
