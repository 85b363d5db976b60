"""Views that only tests call: they log somebody in, and call what a project's own code would."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import auth
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy

from myapp.views import my_task
from task_manager.execution_record import ExecutionRecord
from task_manager.services.task_tracker import TaskTracker
from task_manager.utils import register_task_execution


def login(request: HttpRequest, name: str) -> JsonResponse:
    user, _ = User.objects.get_or_create(username=name)
    auth.login(request, user)
    return JsonResponse({"id": user.pk})


def call(request: HttpRequest, method: str) -> JsonResponse:
    """A method of TaskTracker with the JSON that was sent."""
    answer = getattr(TaskTracker, method)(**json.loads(request.body or b"{}"))
    return JsonResponse({"answer": _told(answer)})


def odd(request: HttpRequest) -> JsonResponse:
    """Registers a run with arguments that are no JSON."""
    record = register_task_execution(
        task_id=UUID(int=int(request.GET["number"])),
        task_name=my_task.name,
        module=gettext_lazy("myapp"),
        task_args=(User.objects.get(pk=request.user.pk), Decimal("1.10")),
        task_kwargs={"when": datetime(2026, 1, 31, tzinfo=UTC), "who": request.user, "all": User.objects.all()},
        created_by=request.user,
        metadata={"data": b"\xff"},
    )
    return JsonResponse({"answer": _told(record)})


def late(request: HttpRequest) -> JsonResponse:
    """Does what the view does, but registers the run when the service has heard from the worker that it has ended."""
    task = my_task.delay(1, "x")
    deadline = time.monotonic() + 60
    while (record := TaskTracker.get_task(task.id, sync=False)) is None or record.status != "SUCCESS":
        assert time.monotonic() < deadline, record
        time.sleep(0.05)
    made = register_task_execution(
        task_id=task.id,
        task_name=my_task.name,
        module="myapp",
        task_kwargs={"arg1": 1, "arg2": "x"},
        created_by=request.user if request.user.is_authenticated else None,
        metadata={"source": "manual_trigger"},
    )
    return JsonResponse({"task_id": task.id, "before": _told(record), "answer": _told(made)})


def creator(request: HttpRequest) -> JsonResponse:
    """Whom a run belongs to, and how many queries it took to know."""
    with CaptureQueriesContext(connection) as queries:
        record = TaskTracker.get_task(request.GET["task_id"])
        before = len(queries)
        owner = record.created_by
        assert owner == record.created_by
    answer = {"is_user": owner == request.user, "is_id": record.created_by_id == request.user.pk}
    return JsonResponse(answer | {"name": str(owner), "before": before, "after": len(queries)})


def failing(request: HttpRequest) -> JsonResponse:
    """Makes a user, registers a run, and fails."""
    User.objects.create(username="nobody")
    register_task_execution(request.GET["task_id"], my_task.name, "myapp")
    raise RuntimeError("so that all of it is taken back")


def _told(answer: Any) -> Any:
    if not isinstance(answer, ExecutionRecord):
        return answer
    return {name: str(value) if isinstance(value, datetime) else value for name, value in vars(answer).items()}
