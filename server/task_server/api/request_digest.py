"""What makes two creations the same (AIP-155)."""

from __future__ import annotations

import hashlib

from task_manager.v1 import task_pb2
from task_server.api.field_behavior import output_only


def digest(task: task_pb2.Task) -> str:
    """The digest of all that a caller can say of a new task."""
    said = task_pb2.Task()
    said.CopyFrom(task)
    for field in (*output_only(task_pb2.Task.DESCRIPTOR), "etag"):
        said.ClearField(field)
    return hashlib.sha256(said.SerializeToString(deterministic=True)).hexdigest()
