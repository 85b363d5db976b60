"""What the server is trusted by, and what certificate it is shown, from files."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

PathLike = str | os.PathLike[str]
"""Names a file."""


@dataclass(frozen=True)
class TlsFiles:
    """Files in PEM, of which none has to be given."""

    ca: PathLike | None
    """The authorities that the server is trusted by. None means those that gRPC brings."""
    cert: PathLike | None
    """The caller's certificate with its chain, for a server that asks for one."""
    key: PathLike | None
    """Its key."""

    @classmethod
    def of_environment(cls) -> TlsFiles:
        """Those that TASK_MANAGER_CA_FILE, TASK_MANAGER_CERT_FILE and TASK_MANAGER_KEY_FILE name."""
        return cls(*(os.environ.get(f"TASK_MANAGER_{name}_FILE") or None for name in ("CA", "CERT", "KEY")))

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(file is not None for file in (self.ca, self.cert, self.key))

    def credentials(self) -> grpc.ChannelCredentials:
        """The credentials of a channel.

        Raises:
            ValueError: a file can not be read, or is not what it should be. gRPC would only say that nobody answers.
        """
        if (self.cert is None) != (self.key is None):
            message = "cert_file and key_file go together; give both or none"
            raise ValueError(message)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.ca is not None:
                context.load_verify_locations(self.ca)
            if self.cert is not None and self.key is not None:
                context.load_cert_chain(self.cert, self.key)
            return grpc.ssl_channel_credentials(*(_read(file) for file in (self.ca, self.key, self.cert)))
        except OSError as error:
            names = " or ".join(str(file) for file in (self.ca, self.cert, self.key) if file is not None)
            message = f"{names} can not be used for TLS: {error}"
            raise ValueError(message) from error


def _read(file: PathLike | None) -> bytes | None:
    return None if file is None else Path(file).read_bytes()
