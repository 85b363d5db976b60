"""A whole Task."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from task_manager.v1 import task_pb2
from task_server.api.validation.action import validate_action
from task_server.api.validation.assertions import CheckPatterns, check_patterns
from task_server.api.validation.places import validate_places
from task_server.api.validation.retry import validate_retry_policy
from task_server.api.validation.schedule import validate_schedule
from task_server.api.validation.secrets import TakenSecrets
from task_server.api.validation.violations import Violations
from task_server.api.values import from_struct
from task_server.domain.actions import MAX_CODE_BYTES, CodeAction, HttpAction
from task_server.domain.clock import Micros
from task_server.domain.schedule import Schedule
from task_server.domain.task import DEFAULT_QUEUE, TaskDefinition

_QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: What brokers keep for themselves: kombu's own keys in Redis, which are no lists, and RabbitMQ's queues (AMQP 0-9-1, 2.1.2). One
#: message for such a queue is refused with all that are sent with it.
_BROKERS_OWN = re.compile(r"_kombu\..*|unacked(_index|_mutex)?|amq\..*")
_MAX_NAME = 200
_MAX_METADATA_BYTES = 64 * 1024
_TEN_YEARS = 10 * 365.25 * 86_400
_NOT_SERVED = {"priority": "is not served yet; leave it out"}


class Finding(Protocol):
    """Something wrong with code."""

    @property
    def line(self) -> int:
        """Where, counted from 1; 0 for the whole."""

    @property
    def message(self) -> str:
        """What, and what to write instead."""


#: (source, function name) to what is wrong with it. May take as long as a child process needs.
CheckCode = Callable[[str, str], Sequence[Finding]]


class TaskValidator:
    """Turns Task messages into definitions."""

    def __init__(
        self, check_code: CheckCode, check_patterns: CheckPatterns, default_timeout: float, max_timeout: float
    ) -> None:
        self._check_code = check_code
        self._check_patterns = check_patterns
        self._default_timeout = default_timeout
        self._max_timeout = max_timeout

    def validate(
        self,
        task: task_pb2.Task,
        now: Micros,
        violations: Violations,
        path: str = "task",
        *,
        needs_cron: bool = False,
        stored: Schedule | None = None,
        taken: TakenSecrets | None = None,
    ) -> TaskDefinition:
        """The definition in a message. Raises InvalidFields with all that is wrong. Blocks while code and patterns are checked.

        Parameters:
            stored: the schedule that the task has already; one like it need not fire any more.
            taken: the secrets that were taken out of the message.
        """
        self._check_names(task, path, violations)
        if needs_cron and task.WhichOneof("schedule") != "cron_expression":
            violations.add(f"{path}.cron_expression", "is required for a scheduled task")
        action = validate_action(task, path, violations)
        if isinstance(action, HttpAction):
            action = (taken or TakenSecrets(task)).put_into(action, path, violations)
        schedule = validate_schedule(task, path, violations)
        if (
            schedule is not None
            and schedule != stored
            and schedule.cron_expression
            and schedule.next_fire(now, 0) is None
        ):
            bound = "start_at" if schedule.end_at is None else "end_at"
            violations.add(f"{path}.{bound}", "must leave time for at least one firing")
        timeout = self._timeout(task, path, violations)
        retry_policy = validate_retry_policy(task, path, violations)
        violations.check_number(f"{path}.deadline_seconds", task.deadline_seconds, 0, _TEN_YEARS)
        places = validate_places(task, path, violations)
        metadata = self._metadata(task, path, violations)
        if isinstance(action, CodeAction):
            self._check(action, path, violations)
        elif task.WhichOneof("action") == "api_url":
            check_patterns(task, path, self._check_patterns, violations)
        violations.raise_any()
        # Each part that is None has left a violation.
        assert action is not None and schedule is not None  # noqa: S101
        return TaskDefinition(
            name=task.name,
            action=action,
            schedule=schedule,
            timeout=timeout,
            retry_policy=retry_policy,
            deadline_seconds=task.deadline_seconds,
            queue=task.queue or DEFAULT_QUEUE,
            module=task.module,
            concurrency_key=task.concurrency_key,
            max_concurrent=places.concurrency,
            start_rate=places.rate,
            metadata=metadata,
        )

    def _check_names(self, task: task_pb2.Task, path: str, violations: Violations) -> None:
        if not task.name.strip():
            violations.add(f"{path}.name", "is required: what people call the task")
        violations.check_length(f"{path}.name", task.name, _MAX_NAME)
        violations.check_length(f"{path}.module", task.module, _MAX_NAME)
        if task.queue and not _QUEUE.fullmatch(task.queue):
            violations.add(f"{path}.queue", "must have 1 to 64 letters, digits, '_', '-' or '.'")
        if _BROKERS_OWN.fullmatch(task.queue):
            violations.add(f"{path}.queue", "is a name that message brokers keep for themselves; choose another one")
        present = {field.name for field, _ in task.ListFields()}
        for field, description in _NOT_SERVED.items():
            if field in present:
                violations.add(f"{path}.{field}", description)

    def _timeout(self, task: task_pb2.Task, path: str, violations: Violations) -> float:
        violations.check_number(f"{path}.timeout", task.timeout, 0, self._max_timeout)
        return task.timeout or self._default_timeout

    def _metadata(self, task: task_pb2.Task, path: str, violations: Violations) -> dict[str, Any]:
        try:
            metadata = from_struct(task.metadata)
        except ValueError as error:
            violations.add(f"{path}.metadata", str(error))
            return {}
        if len(json.dumps(metadata, ensure_ascii=False).encode()) > _MAX_METADATA_BYTES:
            violations.add(f"{path}.metadata", f"must be at most {_MAX_METADATA_BYTES:,} bytes as JSON")
        return metadata

    def _check(self, action: CodeAction, path: str, violations: Violations) -> None:
        source = action.function_code
        if not source.strip() or not action.function_name or len(source.encode()) > MAX_CODE_BYTES:
            return  # said already
        for finding in self._check_code(source, action.function_name):
            where = f"line {finding.line}: " if finding.line else ""
            violations.add(f"{path}.function_code", f"{where}{finding.message}")
