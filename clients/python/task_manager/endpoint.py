"""Where the service is, how to get there, and who calls."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field

import grpc

from task_manager.rpcs import service_config
from task_manager.tls_files import PathLike, TlsFiles

DEFAULT_ADDRESS = "127.0.0.1:50051"
"""Where `task-server up` listens."""


@dataclass(frozen=True)
class Endpoint:
    """All that a channel to the service is made of. Make it with `Endpoint.resolve`."""

    address: str
    """A gRPC target: `host:port`, `unix:path`, or `dns:///host:port`."""
    credentials: grpc.ChannelCredentials | None
    """The TLS credentials. None means plaintext."""
    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    """What goes with every call: the token, where there is one."""

    @classmethod
    def resolve(
        cls,
        address: str | None,
        token: str | None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        ca_file: PathLike | None = None,
        cert_file: PathLike | None = None,
        key_file: PathLike | None = None,
        insecure: bool = False,
    ) -> Endpoint:
        """The endpoint that the arguments and the environment say.

        Raises:
            ValueError: the address is a URL, the token can not stand in a header, TLS is both asked for and refused, or a file
                with a certificate can not be used.
        """
        address = address or os.environ.get("TASK_MANAGER_ADDRESS") or DEFAULT_ADDRESS
        if address.startswith(("http://", "https://")):
            message = f"address: {address!r} is a URL; give the gRPC port as host:port, as {DEFAULT_ADDRESS!r}"
            raise ValueError(message)
        if credentials is not None and insecure:
            message = "credentials and insecure=True contradict one another; give one of them"
            raise ValueError(message)
        given = TlsFiles(ca_file, cert_file, key_file)
        if given.any and (credentials is not None or insecure):
            message = "ca_file, cert_file and key_file contradict credentials and insecure=True; give one of them"
            raise ValueError(message)
        if credentials is None and not insecure:
            files = given if given.any else TlsFiles.of_environment()
            if files.any or not is_local(address):
                credentials = files.credentials()
        token = (os.environ.get("TASK_MANAGER_TOKEN", "") if token is None else token).strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            # The token itself stays out of the message: messages end in logs.
            message = "token: has characters that no token has; give the content of the token file, and only that"
            raise ValueError(message)
        return cls(address, credentials, (("authorization", f"Bearer {token}"),) if token else ())

    @property
    def options(self) -> tuple[tuple[str, str | int], ...]:
        """The channel's options."""
        return (
            ("grpc.service_config", service_config()),
            ("grpc.primary_user_agent", "task-manager-python"),
            # Half-open connections are found out within 40 s while calls are open, also on a silent stream.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # gRPC's own backoff goes up to two minutes; a watcher should be back soon after the server is.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            # No connection is shared with another channel: in a forked child that would be one of the parent's, which breaks.
            ("grpc.use_local_subchannel_pool", 1),
            # A page of FULL executions may hold 1 MiB of result each, far over gRPC's 4 MiB. The server bounds them.
            ("grpc.max_receive_message_length", -1),
            # A proxy of the environment can not reach this machine's loopback.
            ("grpc.enable_http_proxy", 0 if is_local(self.address) else 1),
        )


def is_local(address: str) -> bool:
    """True where `address` can not leave this machine: a Unix socket, `localhost` or a loopback address."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address
    for scheme in ("dns:///", "dns:", "ipv4:", "ipv6:"):
        host = host.removeprefix(scheme)
    # An address of many hosts, as `ipv4:127.0.0.1:1,10.0.0.1:1`, is local only when all of them are.
    return all(_is_loopback(each) for each in host.split(","))


def _is_loopback(host_and_port: str) -> bool:
    if host_and_port.startswith("["):
        host = host_and_port[1:].partition("]")[0]
    elif host_and_port.count(":") == 1:
        host = host_and_port.partition(":")[0]
    else:
        host = host_and_port
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
