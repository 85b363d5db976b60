"""Results in Redis, where Celery's own backend finds them; only as much of each is read as may be kept."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Any

from celery.app.backends import by_url
from celery.backends.base import COMPRESSED_PAYLOAD_MAGIC
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.observation import Observation
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.celery_client import client_of
from task_server.tracking.result import LeftOut, observation_of
from task_server.tracking.results import ResultBackendAway
from task_server.tracking.untrusted_json import UnreadableError, read_json

#: The result, and what stands around it: traceback, arguments, children.
_MAX_BYTES = MAX_RESULT_BYTES + 1024 * 1024
#: So many are read in one round trip, and so many times those bytes are in memory at once.
_BATCH = 50
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

    def look_up(self, task_ids: Sequence[str]) -> dict[str, Observation]:
        """What is known, by Celery task id. Raises ResultBackendAway."""
        found = {}
        try:
            for start in range(0, len(task_ids), _BATCH):
                some = task_ids[start : start + _BATCH]
                for task_id, data in zip(some, self._read(some), strict=True):
                    seen = observation_of(_meta(data)) if data else None
                    if seen is not None:
                        found[task_id] = seen
        except (RedisError, OSError) as error:
            raise ResultBackendAway(type(error).__name__) from None
        return found

    def close(self) -> None:
        """Close the connections."""
        self._backend.client.close()

    def _read(self, task_ids: Sequence[str]) -> list[bytes]:
        with self._backend.client.pipeline(transaction=False) as pipeline:
            for task_id in task_ids:
                pipeline.getrange(self._backend.get_key_for_task(task_id), 0, _MAX_BYTES)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        # Something else than a text under such a key is no result of Celery's.
        if answers and all(isinstance(answer, Exception) for answer in answers):
            raise next(answer for answer in answers if isinstance(answer, Exception))
        return [answer if isinstance(answer, bytes) else b"" for answer in answers]


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
