"""Reflection that also finds methods: `grpcurl describe package.Service.Method`.

protobuf's descriptor pool knows the file of a service but not of its methods, so grpcio-reflection answers NOT_FOUND for them.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection


def enable(server: grpc.aio.Server, service_names: list[str]) -> None:
    """Serve reflection for these services."""
    pool: Any = _MethodFindingPool()
    reflection.enable_server_reflection([*service_names, reflection.SERVICE_NAME], server, pool=pool)


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
