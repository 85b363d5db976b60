"""What the contract does not have is refused within the interceptors: who has no credentials hears that, and not what there is."""

from __future__ import annotations

from typing import Any

import grpc

from task_server.domain.errors import RpcNotImplemented

#: gRPC's own, of which clients try versions until one is not UNIMPLEMENTED (grpcurl: reflection v1, then v1alpha).
_INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")


class UnknownMethods(grpc.GenericRpcHandler):  # type: ignore[type-arg] # not generic at run time
    """The last handler of the server: it takes whatever no service took."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """A handler that raises RpcNotImplemented; none for services that need no caller, which gRPC itself answers."""
        method = handler_call_details.method
        if method.startswith(_INFRASTRUCTURE):
            return None

        async def refuse(_request: Any, _context: Any) -> Any:
            raise RpcNotImplemented(method.removeprefix("/"))

        return grpc.unary_unary_rpc_method_handler(refuse)
