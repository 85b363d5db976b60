"""Reflection that also finds methods: `grpcurl describe package.Service.Method`.

protobuf's descriptor pool knows the file of a service but not of its methods, so grpcio-reflection answers NOT_FOUND for them.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection

from task_server.api.call_server import CallServer


def enable(server: CallServer, service_names: list[str]) -> None:
    """Serve reflection for these services."""
    pool: Any = _MethodFindingPool()
    untyped: Any = server
    reflection.enable_server_reflection([*service_names, reflection.SERVICE_NAME], untyped, pool=pool)
    server.add_registered_method_handlers(
        "grpc.reflection.v1.ServerReflection",
        {"ServerReflectionInfo": grpc.stream_unary_rpc_method_handler(_newer)},
    )


async def _newer(_requests: Any, context: Any) -> Any:
    """The version that clients try first, as grpcurl, and go on with v1alpha only where it is UNIMPLEMENTED."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Use grpc.reflection.v1alpha.")


class _MethodFindingPool:
    """The default pool, which also finds the file of a method: that of its service."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - protobuf's name
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            if method not in self._pool.FindServiceByName(service).methods_by_name:
                raise
            return self._pool.FindFileContainingSymbol(service)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)
