"""What the contract does not have is refused within the interceptors: who has no credentials hears that, and not what there is."""

from __future__ import annotations

from typing import Any

import grpc

from task_server.domain.errors import RpcNotImplemented


class UnknownMethods(grpc.GenericRpcHandler):  # type: ignore[type-arg] # not generic at run time
    """Takes whatever no service took."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """A handler that raises RpcNotImplemented."""
        method = handler_call_details.method

        async def refuse(_requests: Any, _context: Any) -> Any:
            raise RpcNotImplemented(method.removeprefix("/"))

        return grpc.stream_unary_rpc_method_handler(refuse)
