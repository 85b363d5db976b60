"""Where an issuer's keys come from: a file, or a URL that a thread asks, so that no call waits for an issuer that is slow."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from task_server.auth.issuer import Issuer
from task_server.auth.key_set import KeySet, KeySetError

_log = logging.getLogger(__name__)
#: How often the keys are asked for, in seconds, and again after a failure.
_REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 10.0
#: How soon an unknown key may have them asked for again: anybody can name one.
_UNKNOWN_SECONDS = 5.0
#: How long a token with an unknown key waits for the answer, and how many may.
_WAIT_SECONDS = 2.0
_FETCH_SECONDS = 5.0
_LONGEST_BYTES = 256 * 1024
_LOOK_SECONDS = 1.0


class KeySource:
    """The newest keys of an issuer, and which state of them it is."""

    def __init__(self) -> None:
        self._keys: KeySet | None = None
        #: Grows with each change, so that what was verified by former keys is not believed any more.
        self.generation = 0

    def keys(self) -> KeySet | None:
        """The keys, None where there are none that can be believed now. Does not wait."""
        raise NotImplementedError

    def wait_for_newer(self) -> None:
        """A key is not known: wait a moment for newer keys, if it is worth it."""

    def close(self) -> None:
        """End what runs."""

    def _take(self, keys: KeySet) -> None:
        self._keys = keys
        self.generation += 1


class FileKeys(KeySource):
    """Keys in a file, which may be replaced."""

    def __init__(self, issuer: Issuer) -> None:
        """Read the file. Raises KeySetError."""
        super().__init__()
        self._issuer = issuer
        self._file = Path(issuer.jwks_file)
        self._content = b""
        self._next_look = 0.0
        self._look()

    def keys(self) -> KeySet | None:
        """The keys of the file, looked at once a second."""
        if time.monotonic() >= self._next_look:
            try:
                self._look()
            except KeySetError as error:
                _log.error("the new keys of %s are not used, the last ones go on: %s", self._issuer.issuer, error)
        return self._keys

    def _look(self) -> None:
        self._next_look = time.monotonic() + _LOOK_SECONDS
        try:
            content = self._file.read_bytes()
        except OSError as error:
            raise KeySetError(f"{self._file} can not be read: {error.strerror}") from error
        if content != self._content:
            self._content = content
            self._take(KeySet(content, self._issuer.algorithms))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: the operator named the place."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


class UrlKeys(KeySource):
    """Keys at a URL, asked for by a thread of its own."""

    def __init__(self, issuer: Issuer) -> None:
        """Begin to ask. Raises KeySetError where `jwks_ca_file` is none."""
        super().__init__()
        self._issuer = issuer
        try:
            context = ssl.create_default_context(cafile=None)
            if issuer.jwks_ca_file:
                context.load_verify_locations(issuer.jwks_ca_file)
        except (OSError, ValueError) as error:
            raise KeySetError(f"jwks_ca_file {issuer.jwks_ca_file} can not be used: {error}") from error
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect, urllib.request.HTTPSHandler(context=context)
        )
        self._content = b""
        self._answered_at = -1e9
        self._changed = threading.Condition()
        self._asked, self._asked_at, self._answers = True, -1e9, 0
        self._waiting = False
        self._closed = False
        self._was_away = False
        self._thread = threading.Thread(target=self._run, name="jwks", daemon=True)
        self._thread.start()

    def keys(self) -> KeySet | None:
        """The last keys, for so long as they are believed."""
        is_fresh = time.monotonic() - self._answered_at < self._issuer.keys_trusted_seconds
        return self._keys if is_fresh else None

    def wait_for_newer(self) -> None:
        """Have the keys asked for again, unless they just were; one caller waits for it, others are not held up."""
        with self._changed:
            if not self._asked and time.monotonic() - self._asked_at < _UNKNOWN_SECONDS:
                return
            self._asked = True
            self._changed.notify_all()
            if self._waiting:
                return
            self._waiting, answers = True, self._answers
            try:
                self._changed.wait_for(lambda: self._answers != answers or self._closed, _WAIT_SECONDS)
            finally:
                self._waiting = False

    def close(self) -> None:
        """End the thread, which may take as long as the issuer is waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked or self._closed, pause)
                if self._closed:
                    return
                self._asked_at = time.monotonic()
            pause = _REFRESH_SECONDS if self._ask() else _RETRY_SECONDS
            with self._changed:
                self._asked = False
                self._answers += 1
                self._changed.notify_all()

    def _ask(self) -> bool:
        try:
            content = self._fetch()
            if content != self._content:
                self._take(KeySet(content, self._issuer.algorithms))
                self._content = content
                _log.info("the keys of %s were read", self._issuer.issuer)
        except Exception as error:
            # Whatever it is, the thread goes on: callers have to be refused by the age of the keys, not by its end.
            if not self._was_away:
                _log.error(
                    "the keys of %s can not be had from %s: %s", self._issuer.issuer, self._issuer.jwks_url, error
                )
            self._was_away = True
            return False
        self._answered_at = time.monotonic()
        self._was_away = False
        return True

    def _fetch(self) -> bytes:
        deadline = time.monotonic() + _FETCH_SECONDS
        request = urllib.request.Request(self._issuer.jwks_url, headers={"Accept": "application/json"})  # noqa: S310 - checked by callers_file
        content = b""
        with self._opener.open(request, timeout=_FETCH_SECONDS) as answer:
            while part := answer.read1(65_536):
                content += part
                if len(content) > _LONGEST_BYTES:
                    raise KeySetError(f"it has more than {_LONGEST_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise KeySetError(f"it takes longer than {_FETCH_SECONDS:g} s")
        return content


def key_source(issuer: Issuer) -> KeySource:
    """The source of an issuer's keys. Raises KeySetError where it is none."""
    return FileKeys(issuer) if issuer.jwks_file else UrlKeys(issuer)
