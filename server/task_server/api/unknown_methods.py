"""What the contract does not have is refused within the interceptors: who has no credentials hears that, and not what there is."""

from __future__ import annotations

from typing import Any

import grpc

from task_server.auth.policy import OPEN
from task_server.domain.errors import RpcNotImplemented

_OPEN_SERVICES = tuple({f"{method.rpartition('/')[0]}/" for method in OPEN})


class UnknownMethods(grpc.GenericRpcHandler):  # type: ignore[type-arg] # not generic at run time
    """The last handler of the server: it takes whatever no service took."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """A handler that raises RpcNotImplemented; none for services that need no caller, which gRPC itself answers."""
        method = handler_call_details.method
        if method.startswith(_OPEN_SERVICES):
            return None

        async def refuse(_request: Any, _context: Any) -> Any:
            raise RpcNotImplemented(method.removeprefix("/"))

        return grpc.unary_unary_rpc_method_handler(refuse)
