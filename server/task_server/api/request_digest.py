"""What makes two creations the same (AIP-155)."""

from __future__ import annotations

import hashlib
import hmac

from task_manager.v1 import task_pb2
from task_server.api.field_behavior import output_only


class RequestDigests:
    """Makes digests under the servers' secret key: a request may hold secrets, and nobody else can try what they are."""

    def __init__(self, secret_key: bytes) -> None:
        self._key = hmac.new(secret_key, b"request digests", hashlib.sha256).digest()

    def of(self, task: task_pb2.Task) -> str:
        """The digest of all that a caller can say of a new task."""
        said = task_pb2.Task()
        said.CopyFrom(task)
        for field in (*output_only(task_pb2.Task.DESCRIPTOR), "etag"):
            said.ClearField(field)
        return hmac.new(self._key, said.SerializeToString(deterministic=True), hashlib.sha256).hexdigest()
