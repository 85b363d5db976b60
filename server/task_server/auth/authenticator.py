"""Credentials to caller: several ways in, tried by the form of the credentials, and a memory of those that worked lately.

A way in is a file here: `tokens.py` for `tsk_...` keys. What it proves is believed for some seconds without asking again, so that
a call costs no query; a revocation is seen within that time everywhere, and at once by the server that makes it.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from task_server.auth.credentials import REFUSAL, Credentials
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller

#: How long credentials that worked are believed, in seconds. With the time between two looks at open streams it is less than the
#: 5 s within which a revocation has to be seen.
TRUST_SECONDS = 3.0
_CACHE_LIMIT = 10_000


class Proof(NamedTuple):
    """Whom credentials prove."""

    caller: Caller
    #: For how many seconds they will: until they expire, if they do. The authenticator asks again sooner.
    seconds: float = math.inf


class WayIn(Protocol):
    """One form of credentials."""

    def takes(self, credentials: Credentials) -> bool:
        """Whether these are of this form, by their looks; the first way that takes them decides alone."""

    def prove(self, credentials: Credentials) -> Proof:
        """Whom they prove; may block. Raises InvalidCredentials, with the same words whatever is wrong."""


class Authenticator:
    """Recognises callers. `note_use` hears of every caller who was recognised, and must not wait for anything."""

    def __init__(self, ways: Sequence[WayIn], note_use: Callable[[Caller], None]) -> None:
        self._ways = ways
        self._note_use = note_use
        # The memory holds no credentials, only what they hash to under a key that nobody else has.
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._trusted: dict[bytes, tuple[float, Caller]] = {}

    def trusted(self, credentials: Credentials) -> Caller | None:
        """The caller whom these proved lately; None means that `authenticate` has to look."""
        key = self._hash(credentials)
        with self._lock:
            entry = self._trusted.get(key)
        if entry is None or time.monotonic() >= entry[0]:
            return None
        self._note_use(entry[1])
        return entry[1]

    def authenticate(self, credentials: Credentials) -> Caller:
        """The caller whom these prove; blocks. Raises InvalidCredentials."""
        way = next((way for way in self._ways if way.takes(credentials)), None)
        if way is None:
            raise InvalidCredentials(REFUSAL)
        # Before it is looked up: what is read then is true of no later time.
        asked_at = time.monotonic()
        proof = way.prove(credentials)
        with self._lock:
            if len(self._trusted) >= _CACHE_LIMIT:
                self._trusted.clear()
            until = asked_at + min(proof.seconds, TRUST_SECONDS)
            self._trusted[self._hash(credentials)] = until, proof.caller
        self._note_use(proof.caller)
        return proof.caller

    def forget(self, token_id: str) -> None:
        """Believe nobody any more who was recognised by that token."""
        with self._lock:
            for key in [key for key, (_, caller) in self._trusted.items() if caller.token_id == token_id]:
                del self._trusted[key]

    def _hash(self, credentials: Credentials) -> bytes:
        text = f"{credentials.bearer!r}{credentials.certificate!r}"
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()
