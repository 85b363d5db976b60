"""Tasks that are nearly right: a good one with a few fields gone wrong goes deeper than one that is wrong all over."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf import json_format
from tests.fuzz.messages import random_message

from task_manager.v1 import task_pb2, task_service_pb2

_GOOD: tuple[dict[str, Any], ...] = (
    {
        "name": "code",
        "function_code": "def f(*a, **k):\n    return [a, k]",
        "function_name": "f",
        "task_args": [1, "x"],
    },
    {"name": "later", "delay_seconds": 3600, "function_code": "def f():\n    return 1", "function_name": "f"},
    {"name": "cron", "cron_expression": "*/5 * * * *", "function_code": "def f():\n    return 1", "function_name": "f"},
    {
        "name": "call",
        "api_url": "http://127.0.0.1:1/",
        "method": "POST",
        "data": {"a": [1, None]},
        "headers": {"X-A": "b"},
    },
    {
        "name": "call later",
        "run_at": "2030-01-01T00:00:00Z",
        "api_url": "https://api.example.com/",
        "params": {"a": "b"},
    },
)


def nearly_good(source: random.Random, ids: list[str]) -> task_pb2.Task:
    """A good task with up to three fields from a random one."""
    task = json_format.ParseDict(source.choice(_GOOD), task_pb2.Task())
    odd = random_message(task.DESCRIPTOR, source, ids)
    fields = [field for field, _ in odd.ListFields()]
    for field in source.sample(fields, min(len(fields), source.randrange(4))):
        if field.is_repeated:
            task.ClearField(field.name)
            task.MergeFrom(_only(odd, field.name))
        else:
            task.MergeFrom(_only(odd, field.name))
    return task


def _only(task: Any, name: str) -> task_pb2.Task:
    alone = task_pb2.Task()
    alone.CopyFrom(task)
    for field, _ in task.ListFields():
        if field.name != name:
            alone.ClearField(field.name)
    return alone


def put_task(request: Any, source: random.Random, ids: list[str]) -> None:
    """Give a request that has a task, or several, nearly good ones."""
    if isinstance(request, task_service_pb2.BatchCreateTasksRequest):
        for item in request.requests:
            item.task.CopyFrom(nearly_good(source, ids))
    elif isinstance(getattr(request, "task", None), task_pb2.Task):
        known = request.task.task_id
        request.task.CopyFrom(nearly_good(source, ids))
        if "Update" in request.DESCRIPTOR.name:
            request.task.task_id = source.choice(ids) if ids else known
