"""Client certificates: the operator's table says whom each name means. What a certificate says of rights is not believed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography import x509

from task_server.auth.authenticator import Proof
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Name:
    """A subject alternative name."""

    #: `uri` or `dns`.
    kind: str
    value: str


#: Whom each name means. Raises ConfigError where the table can not be read.
Table = Callable[[], Mapping[Name, Caller]]


class Certificates:
    """Recognises callers by the certificate of their connection, which TLS has verified.

    It is asked only where a call brings no `authorization` and comes from the certificate's owner: what a gateway or proxy passes
    on is its callers', not its own.
    """

    def __init__(self, table: Table) -> None:
        """Read the table, which is read again once a second while it is used. Raises ConfigError."""
        self._read = table
        self._table = table()
        self._next_look = time.monotonic() + _LOOK_SECONDS
        self._lock = threading.Lock()
        self._was_wrong = ""

    def takes(self, credentials: Credentials) -> bool:
        """Whether there is a certificate, and no token that goes before it."""
        return not credentials.bearer and bool(credentials.certificate)

    def prove(self, credentials: Credentials) -> Proof:
        """The caller whom the certificate's names mean, while it holds. Raises InvalidCredentials."""
        try:
            certificate = x509.load_pem_x509_certificate(credentials.certificate)
            names = _names(certificate)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise InvalidCredentials(REFUSAL) from error
        table = self._newest()
        callers = {table[name] for name in names if name in table}
        # TLS looked at its times when the connection was made, which may be long ago.
        seconds = certificate.not_valid_after_utc.timestamp() - time.time()
        if len(callers) != 1 or seconds <= 0:
            raise InvalidCredentials(REFUSAL)
        return Proof(callers.pop(), seconds)

    def _newest(self) -> Mapping[Name, Caller]:
        with self._lock:
            if time.monotonic() < self._next_look:
                return self._table
            self._next_look = time.monotonic() + _LOOK_SECONDS
            try:
                self._table, self._was_wrong = self._read(), ""
            except Exception as error:
                # Whatever is wrong with it: who was let in goes on, as with the certificates of the ports.
                if str(error) != self._was_wrong:
                    _log.error("the new table of certificates is not used, the last one goes on: %s", error)
                self._was_wrong = str(error)
            return self._table


def _names(certificate: x509.Certificate) -> list[Name]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *(Name("uri", value) for value in found.get_values_for_type(x509.UniformResourceIdentifier)),
        *(Name("dns", value.lower()) for value in found.get_values_for_type(x509.DNSName)),
    ]
