"""The gRPC server behind the gateway: one channel, and calls made from descriptors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from task_server.gateway.options import GatewayOptions
from task_server.gateway.routes import Route
from task_server.tls.server_trust import ServerTrust

#: How long the calls of a channel may go on that has been replaced: watches have no end, and go on elsewhere with their token.
_LONGEST_CALL_SECONDS = 3600.0

Call = Any
_Stub = Callable[..., Call]


class Backend:
    """A channel to the gRPC server. It connects by itself, and again when the server was away. Make it inside the event loop.

    Where its own certificate is renewed, new calls go over a new channel, and the old one ends with the calls that it has.
    """

    def __init__(self, address: str, options: GatewayOptions, trust: ServerTrust | None = None) -> None:
        longest = max(100, int(options.reconnect_seconds * 1000))
        self._address = address
        self._trust = trust
        self._options = [
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", longest),
            ("grpc.max_reconnect_backoff_ms", longest),
            ("grpc.max_receive_message_length", options.max_response_bytes),
            ("grpc.max_send_message_length", -1),
            # A server that vanished without a word is noticed, and its calls end.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            # The server is ours and near: no proxy of the environment stands between.
            ("grpc.enable_http_proxy", 0),
            # Else all channels of a process to one address share their backoff.
            ("grpc.use_local_subchannel_pool", 1),
            *(trust.options if trust else ()),
        ]
        self._channel = self._connect()
        self._ending: set[asyncio.Task[None]] = set()
        self._stubs: dict[str, _Stub] = {}

    def _connect(self) -> grpc.aio.Channel:
        if self._trust is None:
            return grpc.aio.insecure_channel(self._address, options=self._options)
        return grpc.aio.secure_channel(self._address, self._trust.credentials(), options=self._options)

    def _renew(self) -> None:
        old, self._channel = self._channel, self._connect()
        self._stubs.clear()
        end = asyncio.create_task(old.close(_LONGEST_CALL_SECONDS))
        self._ending.add(end)
        end.add_done_callback(self._ending.discard)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._channel.get_state() is grpc.ChannelConnectivity.READY

    def call(
        self, route: Route, request: Message, metadata: tuple[tuple[str, str | bytes], ...], timeout: float | None
    ) -> Call:
        """Begins a call. It fails at once if the server is away, and ends after `timeout` seconds if that is not None."""
        if self._trust is not None:
            if self._trust.was_renewed():
                self._renew()
            if self._trust.shows_certificate and not any(key == "authorization" for key, _ in metadata):
                # The gateway's certificate is its own. A caller without credentials must not come as the gateway.
                metadata = (*metadata, ("authorization", ""))
        stub = self._stubs.get(route.rpc)
        if stub is None:
            make = self._channel.unary_stream if route.streaming else self._channel.unary_unary
            stub = self._stubs[route.rpc] = make(
                route.rpc,
                request_serializer=route.request.SerializeToString,
                response_deserializer=route.response.FromString,
            )
        return stub(request, metadata=metadata, timeout=timeout, wait_for_ready=False)

    async def close(self) -> None:
        """Ends all calls and the connection."""
        for end in self._ending:
            end.cancel()
        await self._channel.close(None)
