"""Both ports with real handshakes: what they show, what they refuse, and what happens when the files are replaced."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tests.certificates import Authority, Leaf, Pair, Volume

from task_server.gateway.app import create_app
from task_server.gateway.server import bind, serve
from task_server.tls import certificate
from task_server.tls.certificate import CertificateFiles
from task_server.tls.listener import grpc_credentials, http_context

Listen = Callable[..., contextlib.AbstractAsyncContextManager[int]]


@pytest.fixture(autouse=True)
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_LOOK_SECONDS", 0.0)


@contextlib.asynccontextmanager
async def grpc_port(files: CertificateFiles) -> AsyncIterator[int]:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_secure_port("127.0.0.1:0", grpc_credentials(files))
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


@contextlib.asynccontextmanager
async def http_port(files: CertificateFiles) -> AsyncIterator[int]:
    listener = bind("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    stop, started = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(
        serve(
            create_app("127.0.0.1:1"),
            listener,
            stop,
            on_started=started.set,
            grace_seconds=0.1,
            tls=http_context(files),
        )
    )
    await started.wait()
    try:
        yield port
    finally:
        stop.set()
        await serving


@pytest.fixture(params=[grpc_port, http_port], ids=["grpc", "http"])
def listen(request: pytest.FixtureRequest) -> Listen:
    both: Listen = request.param
    return both


def client_context(authority: Authority, **limits: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, value in limits.items():
        setattr(context, name, value)
    return context


async def connect(port: int, context: ssl.SSLContext, name: str | None = "localhost") -> ssl.SSLSocket:
    def handshake() -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        return context.wrap_socket(plain, server_hostname=name)

    return await asyncio.to_thread(handshake)


async def shown(port: int, authority: Authority) -> int:
    """The serial number of the certificate that a new connection sees."""
    with await connect(port, client_context(authority)) as connection:
        content = connection.getpeercert(binary_form=True)
    assert content
    return x509.load_der_x509_certificate(content).serial_number


def serial(leaf: Leaf) -> int:
    return x509.load_pem_x509_certificate(leaf.chain).serial_number


async def test_new_handshakes_see_the_new_certificate(listen: Listen, authority: Authority, tmp_path: Path) -> None:
    first, second = authority.leaf("localhost"), authority.leaf("localhost")
    volume = Volume(tmp_path / "volume", first)
    async with listen(CertificateFiles(volume.pair.cert, volume.pair.key)) as port:
        assert await shown(port, authority) == serial(first)
        volume.swap(second)
        assert await shown(port, authority) == serial(second)


async def test_a_broken_new_file_keeps_the_old_one(listen: Listen, authority: Authority, tmp_path: Path) -> None:
    first, second = authority.leaf("localhost"), authority.leaf("localhost")
    pair = Pair(tmp_path / "cert", tmp_path / "key")
    first.write(pair)
    async with listen(CertificateFiles(pair.cert, pair.key)) as port:
        pair.cert.write_bytes(b"nonsense")
        assert await shown(port, authority) == serial(first)
        pair.cert.unlink()
        assert await shown(port, authority) == serial(first)
        second.write(pair)
        assert await shown(port, authority) == serial(second)


async def test_tls_1_1_is_refused_and_1_2_is_not(listen: Listen, authority: Authority) -> None:
    pair = authority.issue("localhost")
    async with listen(CertificateFiles(pair.cert, pair.key)) as port:
        with await connect(port, client_context(authority, maximum_version=ssl.TLSVersion.TLSv1_2)) as connection:
            assert connection.version() == "TLSv1.2"
        with pytest.warns(DeprecationWarning):
            old = client_context(
                authority, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1
            )
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(port, old)


async def test_plain_text_gets_no_answer(listen: Listen, authority: Authority) -> None:
    pair = authority.issue("localhost")
    async with listen(CertificateFiles(pair.cert, pair.key)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(), 10)
            assert b"HTTP" not in answer
        writer.close()


async def test_a_client_of_another_authority_goes_no_further(
    listen: Listen, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue("localhost")
    async with listen(CertificateFiles(pair.cert, pair.key)) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, client_context(Authority(tmp_path / "other")))


async def test_calls_of_an_existing_connection_go_on(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    async with grpc_port(CertificateFiles(pair.cert, pair.key)) as port:
        credentials = grpc.ssl_channel_credentials(authority.pem)
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest())
            await watch.read()
            # Of another authority, so that a new connection of this channel would fail.
            Authority(tmp_path / "other").leaf("localhost").write(pair)
            with pytest.raises(ssl.SSLCertVerificationError):
                await shown(port, authority)
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert not watch.done()


async def test_a_port_that_asks_for_certificates_lets_in_none_without(authority: Authority, tmp_path: Path) -> None:
    pair, trusted = authority.issue("localhost"), Authority(tmp_path / "callers")
    files = CertificateFiles(pair.cert, pair.key, trusted.file)
    async with grpc_port(files) as port:

        async def check(caller: Pair | None) -> None:
            shown = (caller.key.read_bytes(), caller.cert.read_bytes()) if caller else (None, None)
            credentials = grpc.ssl_channel_credentials(authority.pem, *shown)
            async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
                await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)

        await check(trusted.issue("caller"))
        for stranger in (None, authority.issue("caller")):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await check(stranger)
            assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        # The authorities of callers are renewed as the certificate is.
        fresh = Authority(tmp_path / "fresh")
        trusted.file.write_bytes(fresh.pem)
        await check(fresh.issue("caller"))
        with pytest.raises(grpc.aio.AioRpcError):
            await check(trusted.issue("caller"))
