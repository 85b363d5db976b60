"""PreviewSchedule, and what a task that is only checked tells of its schedule."""

from __future__ import annotations

from datetime import datetime

import pytest
from google.protobuf import timestamp_pb2

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.schedule_preview import preview, set_upcoming
from task_server.domain.clock import micros
from task_server.domain.errors import InvalidFields
from task_server.domain.schedule import Schedule

NOW = micros(datetime.fromisoformat("2026-03-28T12:00:00Z"))


def request(**fields) -> task_service_pb2.PreviewScheduleRequest:
    return task_service_pb2.PreviewScheduleRequest(**fields)


def violations(**fields) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        preview(request(**fields), NOW)
    return {violation.field: violation.description for violation in caught.value.violations}


def test_it_tells_the_next_firings_in_utc_and_on_the_zones_clock() -> None:
    answer = preview(request(cron_expression="30 2 * * *", time_zone="Europe/Berlin", count=2), NOW)
    assert answer.description == "At 02:30, every day"
    moved, plain = answer.fire_times
    assert moved.time.ToJsonString() == "2026-03-29T01:00:00Z"
    assert moved.local_time == "2026-03-29T03:00:00+02:00"
    assert moved.note == "02:30 does not exist on this day: fires at 03:00, when the clock goes forward"
    assert (plain.time.ToJsonString(), plain.local_time) == ("2026-03-30T00:30:00Z", "2026-03-30T02:30:00+02:00")
    assert plain.note == ""


def test_ten_are_told_unless_another_number_is_asked_for_and_from_the_time_that_is_asked_for() -> None:
    assert len(preview(request(cron_expression="@daily"), NOW).fire_times) == 10
    after = timestamp_pb2.Timestamp(seconds=0)
    answer = preview(request(cron_expression="@daily", count=100, after=after), NOW)
    assert len(answer.fire_times) == 100
    assert answer.fire_times[0].time.ToJsonString() == "1970-01-02T00:00:00Z"
    # The calendar ends.
    late = timestamp_pb2.Timestamp()
    late.FromJsonString("9997-06-01T00:00:00Z")
    assert len(preview(request(cron_expression="@yearly", after=late), NOW).fire_times) == 1


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = violations(
        cron_expression="0 0 30 2 *", time_zone="Mars", count=101, after=timestamp_pb2.Timestamp(seconds=-1)
    )
    assert set(found) == {"cron_expression", "time_zone", "count", "after"}
    assert "never fires" in found["cron_expression"]
    assert found["count"] == "must be from 1 to 100, or 0 for 10; not 101"
    assert found["after"] == "must not be before 1970"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "cron_expression"),
        ({"cron_expression": "* * * * *", "count": -1}, "count"),
        ({"cron_expression": "* * * * *", "after": timestamp_pb2.Timestamp(seconds=2**40)}, "after"),
        ({"cron_expression": "* * * * *", "after": timestamp_pb2.Timestamp(nanos=-1)}, "after"),
    ],
)
def test_each_wrong_field_is_told(fields, field: str) -> None:
    assert list(violations(**fields)) == [field]


def test_a_task_that_is_only_checked_tells_its_next_five_firings() -> None:
    message = task_pb2.Task()
    schedule = Schedule(cron_expression="0 9 * * 1-5", time_zone="Asia/Shanghai", max_runs=3)
    set_upcoming(message, schedule, NOW)
    assert [each.local_time for each in message.upcoming_fire_times] == [
        f"2026-03-{day}T09:00:00+08:00" for day in (30, 31)
    ] + ["2026-04-01T09:00:00+08:00"]
    assert list(message.upcoming_run_times) == [each.time for each in message.upcoming_fire_times]
    assert message.schedule_description == "At 09:00, Monday through Friday"


def test_a_task_without_cron_has_none() -> None:
    message = task_pb2.Task()
    set_upcoming(message, Schedule(delay_seconds=5), NOW)
    assert message == task_pb2.Task()
