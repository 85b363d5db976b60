"""The certificate of a listener, which may be renewed while it listens."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from task_server.config import Settings

_log = logging.getLogger(__name__)
#: How often the files are looked at, at most, and only when somebody connects.
_LOOK_SECONDS = 1.0


class CertificateError(Exception):
    """The files are no certificate with its key. The message says which, and why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a listener shows, and which callers' certificates it takes."""

    #: PEM, the key that fits the first certificate of the chain.
    key: bytes
    #: PEM, the listener's certificate first.
    chain: bytes
    #: PEM, the authorities whose certificates callers must have. None: callers need none.
    client_ca: bytes | None
    #: The same for Python's own TLS, without `client_ca`.
    context: ssl.SSLContext


class CertificateFiles:
    """A certificate in files that may be replaced at any time, also by another target of a symbolic link.

    Files that do not go together are passed over, and what was served goes on being served: whoever replaces two files does the
    one after the other.
    """

    def __init__(self, cert_file: Path, key_file: Path, client_ca_file: Path | None = None) -> None:
        """Read the files. Raises CertificateError."""
        self._files = (cert_file, key_file, client_ca_file)
        self._seen = self._read()
        self._current = self._load(self._seen)
        self._refusal = ""
        self._next_look = time.monotonic() + _LOOK_SECONDS
        self._turn = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> CertificateFiles | None:
        """The certificate of the settings, None where they name none. Raises CertificateError."""
        if not settings.tls_cert_file:
            return None
        client_ca = Path(settings.tls_client_ca_file) if settings.tls_client_ca_file else None
        return cls(Path(settings.tls_cert_file), Path(settings.tls_key_file), client_ca)

    def current(self) -> Certificate:
        """The newest certificate that can be served. Takes microseconds, a millisecond once a second. Never raises."""
        if time.monotonic() >= self._next_look and self._turn.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._next_look = time.monotonic() + _LOOK_SECONDS
                self._turn.release()
        return self._current

    def _look(self) -> None:
        try:
            found = self._read()
            if found == self._seen:
                return
            newest = self._load(found)
            if self._read() != found:
                # Somebody is writing them.
                return
        except CertificateError as error:
            # Once, not at each connection.
            if str(error) != self._refusal:
                _log.error("the new TLS certificate is not used, the last one goes on: %s", error)
            self._refusal = str(error)
            return
        self._seen, self._current, self._refusal = found, newest, ""
        _log.info("the TLS certificate was replaced", extra={"file": str(self._files[0])})

    def _read(self) -> tuple[bytes, ...]:
        return tuple(read(file) if file else b"" for file in self._files)

    def _load(self, contents: tuple[bytes, ...]) -> Certificate:
        cert_file, key_file, client_ca_file = self._files
        chain, key, client_ca = contents
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        load_pair(context, cert_file, key_file)
        if client_ca_file is None:
            return Certificate(key, chain, None, context)
        check_authorities(client_ca_file, client_ca)
        return Certificate(key, chain, client_ca, context)


def read(file: Path) -> bytes:
    """The content of a file. Raises CertificateError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} can not be read: {error.strerror}") from error


def load_pair(context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    """Have the context show a certificate. Raises CertificateError where it and the key do not go together."""
    try:
        # A key with a passphrase would ask the terminal for it.
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise CertificateError(f"{cert_file} and {key_file} are no certificate with its key: {error}") from error


def check_authorities(file: Path, content: bytes) -> None:
    """Raise CertificateError where a file that should name authorities has no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=content.decode("ascii"))
    except (OSError, ValueError) as error:
        raise CertificateError(f"{file} has no certificates in PEM: {error}") from error


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, and nobody is here to give it")
