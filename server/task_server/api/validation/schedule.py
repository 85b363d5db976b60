"""When a task is to run: the `schedule` of a Task and its companions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf import timestamp_pb2

from task_manager.v1 import task_pb2
from task_server.api.validation.violations import Violations
from task_server.domain import cron
from task_server.domain.clock import Micros
from task_server.domain.clock_pattern import CronError
from task_server.domain.schedule import (
    DEFAULT_MISFIRE_WINDOW_SECONDS,
    MisfirePolicy,
    OverlapPolicy,
    Schedule,
    TaskType,
)

Policy = TypeVar("Policy", MisfirePolicy, OverlapPolicy)

_TEN_YEARS = 10 * 365.25 * 86_400
_DAY = 86_400
CRON_FIELDS = (
    "time_zone",
    "start_at",
    "end_at",
    "max_runs",
    "misfire_policy",
    "misfire_window_seconds",
    "overlap_policy",
    "jitter_seconds",
)
#: 0001-01-01 and 9999-12-31 in seconds since the epoch (timestamp.proto).
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799


def validate_schedule(task: task_pb2.Task, path: str, violations: Violations) -> Schedule | None:
    """The schedule of a task, None where something is wrong with it."""
    present = {field.name for field, _ in task.ListFields()}
    kind = task.WhichOneof("schedule")
    schedule: Schedule | None = None
    if kind == "cron_expression":
        schedule = _cron(task, path, violations)
    else:
        for field in CRON_FIELDS:
            if field in present:
                violations.add(f"{path}.{field}", "belongs to cron_expression; leave it out without one")
        schedule = _once(task, path, kind, violations)
    if schedule is not None:
        _check_type(task.task_type, schedule, path, violations)
    return schedule


def _once(task: task_pb2.Task, path: str, kind: str | None, violations: Violations) -> Schedule | None:
    if kind == "delay_seconds":
        if not violations.check_number(f"{path}.delay_seconds", task.delay_seconds, 0, _TEN_YEARS):
            return None
        return Schedule(delay_seconds=task.delay_seconds)
    if kind == "run_at":
        run_at = read_time(f"{path}.run_at", task.run_at, violations)
        return None if run_at is None else Schedule(run_at=run_at)
    return Schedule()


def _cron(task: task_pb2.Task, path: str, violations: Violations) -> Schedule | None:
    fine = check_cron(task.cron_expression, task.time_zone, path, violations)
    start_at = read_time(f"{path}.start_at", task.start_at, violations) if task.HasField("start_at") else None
    end_at = read_time(f"{path}.end_at", task.end_at, violations) if task.HasField("end_at") else None
    if start_at is not None and end_at is not None and end_at < start_at:
        violations.add(f"{path}.end_at", "must not be before start_at")
        fine = False
    if task.max_runs < 0:
        violations.add(f"{path}.max_runs", "must not be negative; 0 means no limit")
        fine = False
    misfire = _policy(
        f"{path}.misfire_policy",
        task.misfire_policy,
        task_pb2.Task.MisfirePolicy.items(),
        MisfirePolicy.FIRE_ONCE,
        violations,
    )
    overlap = _policy(
        f"{path}.overlap_policy",
        task.overlap_policy,
        task_pb2.Task.OverlapPolicy.items(),
        OverlapPolicy.ALLOW,
        violations,
    )
    for field, most in (("misfire_window_seconds", 30 * _DAY), ("jitter_seconds", _DAY)):
        fine &= violations.check_number(f"{path}.{field}", getattr(task, field), 0, most)
    if not fine or misfire is None or overlap is None:
        return None
    return Schedule(
        cron_expression=task.cron_expression,
        time_zone=task.time_zone,
        start_at=start_at,
        end_at=end_at,
        max_runs=task.max_runs,
        misfire_policy=misfire,
        misfire_window_seconds=task.misfire_window_seconds or DEFAULT_MISFIRE_WINDOW_SECONDS,
        overlap_policy=overlap,
        jitter_seconds=task.jitter_seconds,
    )


def check_cron(expression: str, time_zone: str, path: str, violations: Violations) -> bool:
    """Note what is wrong with an expression and its zone; return whether they are fine. `path` is that of their message."""
    fine = True
    for field, check in (
        ("time_zone", lambda: cron.parse_zone(time_zone)),
        ("cron_expression", lambda: cron.check(expression, "")),
    ):
        try:
            check()
        except CronError as error:
            violations.add(f"{path}.{field}".removeprefix("."), str(error))
            fine = False
    return fine


def _policy(
    field: str, number: int, names: Iterable[tuple[str, int]], default: Policy, violations: Violations
) -> Policy | None:
    """The policy of a number in the protos, where it has one of `names`; None and a violation for one that is unknown."""
    if not number:
        return default
    kind = type(default)
    for name, known in names:
        if number == known:
            return kind(name)
    violations.add(field, f"must be one of {', '.join(kind)}, or left out; not {number}")
    return None


def _check_type(given: str, schedule: Schedule, path: str, violations: Violations) -> None:
    wanted = schedule.task_type
    known = [kind.value for kind in TaskType]
    if given and given not in known:
        violations.add(f"{path}.task_type", f"must be one of {', '.join(known)}, or left out; not {given[:20]!r}")
    elif given and given != wanted.value:
        cure = {
            TaskType.IMMEDIATE: "has no schedule",
            TaskType.DELAYED: "has delay_seconds or run_at",
            TaskType.SCHEDULED: "has cron_expression",
        }
        violations.add(
            f"{path}.task_type",
            f"is {given!r}, but the task {cure[wanted]}, which makes it {wanted.value!r}; mend one of them",
        )


def read_time(field: str, value: timestamp_pb2.Timestamp, violations: Violations) -> Micros | None:
    """A protobuf time as microseconds; None, and a violation, when it is out of the years 1 to 9999."""
    if not _FIRST_SECOND <= value.seconds <= _LAST_SECOND or not 0 <= value.nanos < 1_000_000_000:
        violations.add(field, "must be a time in the years 1 to 9999")
        return None
    return value.ToMicroseconds()
