"""Results in Redis, where Celery's own backend finds them; only as much of each is read as may be kept."""

from __future__ import annotations

import contextlib
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from celery.app.backends import by_url
from celery.backends.base import COMPRESSED_PAYLOAD_MAGIC
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import SECOND, Micros
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.celery_client import client_of
from task_server.tracking.result import LeftOut, seen_of
from task_server.tracking.results import ResultBackendAway
from task_server.tracking.seen import Seen, is_task_id
from task_server.tracking.untrusted_json import UnreadableError, read_json

#: The result, and what stands around it: traceback, arguments, children.
_MAX_BYTES = MAX_RESULT_BYTES + 1024 * 1024
#: So many are read in one round trip, and so many times those bytes are in memory at once.
_BATCH = 50
#: So many keys, of whatever kind, one question goes through.
_PAGE = 500
#: For zlib: whether it is gzip or deflate, the data says.
_ANY_HEADER = 47
#: How Celery begins each: what is longer than what is read has its status all the same.
_BEGINNING = re.compile(rb'\{"status": "(\w{1,50})"')


class RedisResults:
    """The results of an app. Any thread may ask."""

    def __init__(self, app: TrackedApp) -> None:
        backend, url = by_url(app.backend)
        self._backend = backend(app=client_of(app), url=url)
        # redis-py would try for ten seconds and more; whoever asks comes again by itself.
        self._backend.connparams["retry"] = Retry(NoBackoff(), 0)

    def look_up(self, task_ids: Sequence[str]) -> dict[str, Seen]:
        """What is known, by Celery task id. Raises ResultBackendAway."""
        found = {}
        with _answering():
            for start in range(0, len(task_ids), _BATCH):
                some = task_ids[start : start + _BATCH]
                for task_id, data in zip(some, self._read(some), strict=True):
                    seen = seen_of(task_id, _meta(data)) if data else None
                    if seen is not None:
                        found[task_id] = seen
        return found

    def stored_since(self, moment: Micros) -> Iterator[list[str]]:
        """The Celery task ids of what was stored from then on, in pages. Raises ResultBackendAway.

        All keys of the database are gone through.
        """
        prefix: bytes = self._backend.task_keyprefix
        cursor = None
        while cursor != 0:
            with _answering():
                cursor, keys = self._backend.client.scan(cursor or 0, match=prefix + b"*", count=_PAGE)
                touched = self._touched_since(moment, keys)
            names = [key.removeprefix(prefix).decode(errors="replace") for key in touched]
            yield [name for name in names if is_task_id(name)]

    def close(self) -> None:
        """Close the connections."""
        self._backend.client.close()

    def _touched_since(self, moment: Micros, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that were read or written from then on, all where the server does not tell."""
        with self._backend.client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.object("IDLETIME", key)
            idle: list[Any] = pipeline.execute(raise_on_error=False)
        longest = time.time() - moment / SECOND
        # Of a key that is gone it is None. A server that keeps how often keys are used, and not when, answers with an error.
        return [
            key
            for key, seconds in zip(keys, idle, strict=True)
            if isinstance(seconds, Exception) or (seconds is not None and seconds <= longest)
        ]

    def _read(self, task_ids: Sequence[str]) -> list[bytes]:
        with self._backend.client.pipeline(transaction=False) as pipeline:
            for task_id in task_ids:
                pipeline.getrange(self._backend.get_key_for_task(task_id), 0, _MAX_BYTES)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        # Something else than a text under such a key is no result of Celery's.
        if answers and all(isinstance(answer, Exception) for answer in answers):
            raise next(answer for answer in answers if isinstance(answer, Exception))
        return [answer if isinstance(answer, bytes) else b"" for answer in answers]


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise ResultBackendAway(type(error).__name__) from None


def _meta(data: bytes) -> Any:
    if data.startswith(COMPRESSED_PAYLOAD_MAGIC):
        data = _inflated(data)
    if len(data) <= _MAX_BYTES:
        try:
            return read_json(data)
        except UnreadableError as error:
            why = str(error)
    else:
        why = f"it is larger than {MAX_RESULT_BYTES:,} bytes"
    begun = _BEGINNING.match(data)
    # Where the beginning is no JSON of Celery's either, nothing is known of the run.
    return {"status": begun[1].decode(), "result": LeftOut(why)} if begun else None


def _inflated(data: bytes) -> bytes:
    """As much as may be read of what Celery compressed (`result_compression`) with gzip or zlib; nothing where that is not so."""
    kind, _, body = data.removeprefix(COMPRESSED_PAYLOAD_MAGIC).partition(b"\0")
    if kind != b"application/x-gzip":
        return b""
    try:
        return zlib.decompressobj(_ANY_HEADER).decompress(body, _MAX_BYTES + 1)
    except zlib.error:
        return b""
