"""What a schedule will do, for whoever asks before it does."""

from __future__ import annotations

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api import convert
from task_server.api.validation.preview import validate_preview
from task_server.domain.clock import Micros
from task_server.domain.cron_words import describe
from task_server.domain.fire_times import fire_time
from task_server.domain.schedule import Schedule

#: How many firings a task shows that was only checked.
_UPCOMING = 5


def preview(request: task_service_pb2.PreviewScheduleRequest, now: Micros) -> task_service_pb2.PreviewScheduleResponse:
    """The answer to PreviewSchedule. Raises InvalidFields. May take seconds for an expression that fires once in a generation."""
    schedule, after, count = validate_preview(request, now)
    return task_service_pb2.PreviewScheduleResponse(
        fire_times=_fire_times(schedule, after, count), description=describe(schedule.cron_expression)
    )


def set_upcoming(message: task_pb2.Task, schedule: Schedule, now: Micros) -> None:
    """Give a task that was only checked its next firings, and its schedule in words."""
    if not schedule.cron_expression:
        return
    message.upcoming_fire_times.extend(_fire_times(schedule, now, _UPCOMING))
    message.upcoming_run_times.extend(each.time for each in message.upcoming_fire_times)
    message.schedule_description = describe(schedule.cron_expression)


def _fire_times(schedule: Schedule, after: Micros, count: int) -> list[task_pb2.FireTime]:
    times = schedule.upcoming(after, count)
    return [convert.fire_time(fire_time(schedule.cron_expression, schedule.time_zone, time)) for time in times]
