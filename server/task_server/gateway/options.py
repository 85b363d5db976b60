"""How the gateway behaves where it may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GatewayOptions:
    """The five differences from the official grpc-gateway, and the limits. `OFFICIAL` turns all five off.

    Attributes:
        proto_field_names: JSON keys are proto field names (`task_id`). Off: lowerCamelCase (`taskId`). Both are read either way.
        trailing_slash: one slash at the end of a path counts for nothing. Off: it is one more, empty segment.
        forwarded_headers: request headers that become metadata under their own name, lower case. The official gateway needs
            `Grpc-Metadata-` before them. If `x-request-id` is among them, every answer has an `X-Request-Id`: the server's, else
            the caller's, else one made here.
        method_not_allowed: a known path with another method is 405 with `Allow`. Off: 501. The body's code is 12 either way.
        reject_unknown_fields: a field or enum name of a JSON body that the message does not have is an error, unless the query
            says `ignore_unknown=true`. Off: it is skipped.
        max_body_bytes: the longest request body. A longer one is INVALID_ARGUMENT, HTTP 400, what the official gateway answers
            behind Go's `http.MaxBytesHandler`; 413 is not in its table.
        body_seconds: how long a request body may take to come. A slower one is DEADLINE_EXCEEDED, HTTP 408.
        bodies_bytes: the room for all bodies that are still coming. Where it is full, the one that began first ends as too slow, of
            those from the address that has most of it.
        max_response_bytes: the longest message taken from the gRPC server. A longer one is RESOURCE_EXHAUSTED.
        reconnect_seconds: the longest wait between two attempts to reach a gRPC server that is away.
    """

    proto_field_names: bool = True
    trailing_slash: bool = True
    forwarded_headers: tuple[str, ...] = ("x-request-id", "traceparent")
    method_not_allowed: bool = True
    reject_unknown_fields: bool = True
    max_body_bytes: int = 1024 * 1024 + 64 * 1024
    body_seconds: float = 30.0
    bodies_bytes: int = 64 * 1024 * 1024
    max_response_bytes: int = 32 * 1024 * 1024
    reconnect_seconds: float = 1.0


OFFICIAL = GatewayOptions(
    proto_field_names=False,
    trailing_slash=False,
    forwarded_headers=(),
    method_not_allowed=False,
    reject_unknown_fields=False,
)
"""What the official gateway does unless it is told otherwise."""
