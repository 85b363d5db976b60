"""What makes two requests the same (AIP-155)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from task_manager.v1 import task_pb2
from task_server.api.field_behavior import output_only
from task_server.domain.repeatable import ALWAYS, Repeatable


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
        return self._digest(said.SerializeToString(deterministic=True))

    def repeatable(self, request: Any) -> Repeatable:
        """A request with a `request_id`, told from others, and from those of other RPCs."""
        if not request.request_id:
            return ALWAYS
        said = type(request)()
        said.CopyFrom(request)
        said.ClearField("request_id")
        name = request.DESCRIPTOR.full_name.encode()
        return Repeatable(request.request_id, self._digest(name + b" " + said.SerializeToString(deterministic=True)))

    def _digest(self, said: bytes) -> str:
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()
