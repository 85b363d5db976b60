"""What one connection may cost the server: gRPC's own limits, which it keeps before any call of ours begins."""

from __future__ import annotations

from task_server.config import Settings

#: One request, in bytes: a task with its code (256 KiB), body (256 KiB) and metadata fits several times.
MAX_REQUEST_BYTES = 1024 * 1024
#: The headers of one call, in bytes. Above the first number a call may be refused, above the second it always is.
METADATA_BYTES, MAX_METADATA_BYTES = 8 * 1024, 16 * 1024
#: How long a connection may take to begin to speak HTTP/2 (and TLS, where there is any), in seconds.
HANDSHAKE_SECONDS = 5.0
#: How long a connection without a call is kept, in seconds. Clients connect again by themselves.
IDLE_SECONDS = 15 * 60.0
#: How long the calls and streams of a connection that has reached its age may go on, in seconds.
GRACE_SECONDS = 5 * 60.0
#: How many pings beyond those that are allowed end a connection.
_PING_STRIKES = 2


def connection_options(settings: Settings) -> list[tuple[str, int]]:
    """The options of the gRPC server."""
    options = [
        # Without it a second server takes the same port in silence.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
        ("grpc.max_send_message_length", 64 * 1024 * 1024),
        ("grpc.max_metadata_size", METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        # Above it a call waits in its client without a word, and a gateway has one connection for all its callers: so no fewer
        # than this server takes from all together, where the next one is told.
        ("grpc.max_concurrent_streams", 2 * settings.max_concurrent_calls),
        ("grpc.server_handshake_timeout_ms", _milliseconds(HANDSHAKE_SECONDS)),
        ("grpc.max_connection_idle_ms", _milliseconds(IDLE_SECONDS)),
        # Clients keep idle streams alive with a ping every 30 s; the default refuses more than one in 5 minutes.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", _PING_STRIKES),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
    if settings.max_connection_age_seconds:
        options += [
            ("grpc.max_connection_age_ms", _milliseconds(settings.max_connection_age_seconds)),
            ("grpc.max_connection_age_grace_ms", _milliseconds(GRACE_SECONDS)),
        ]
    return options


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
