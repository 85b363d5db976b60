"""Statistics of executions as they are told: every field of the contract, times in seconds."""

from __future__ import annotations

import pytest

from task_manager.v1.execution_service_pb2 import ExecutionStats as Message
from task_server.api.execution_stats import check_period_length, execution_stats
from task_server.api.validation.violations import Violations
from task_server.domain.clock import SECOND
from task_server.domain.execution_stats import ExecutionStats, Percentiles, Period
from task_server.domain.periods import PeriodLength
from task_server.domain.status import ExecutionStatus


def test_every_field_is_told():
    waiting = Percentiles(p50=SECOND // 2, p95=SECOND, p99=2 * SECOND, count=3)
    told = execution_stats(
        ExecutionStats(
            total=3,
            by_status={ExecutionStatus.SUCCESS: 2, ExecutionStatus.FAILURE: 1},
            by_module={"m": 3},
            by_task_name={"n": 3},
            by_user={"ann": 3},
            success_rate=2 / 3,
            waiting=waiting,
            running=Percentiles(p50=1, p95=1, p99=1, count=1),
            periods=[Period(begin=SECOND, by_status={ExecutionStatus.SUCCESS: 2, ExecutionStatus.FAILURE: 1})],
            truncated=True,
        )
    )
    assert {field.name for field, _ in told.ListFields()} == set(Message.DESCRIPTOR.fields_by_name)
    assert (told.waiting_seconds.p50, told.waiting_seconds.p99, told.waiting_seconds.count) == (0.5, 2.0, 3)
    assert told.running_seconds.p50 == pytest.approx(0.000_001)
    assert dict(told.by_status) == {"SUCCESS": 2, "FAILURE": 1}
    assert (told.periods[0].start_time.seconds, told.periods[0].total) == (1, 3)


def test_a_period_is_a_day_unless_it_is_an_hour_and_nothing_else():
    lengths = Message.Period.Length
    violations = Violations()
    assert check_period_length(lengths.Value("LENGTH_UNSPECIFIED"), violations) is PeriodLength.DAY
    assert check_period_length(lengths.Value("DAY"), violations) is PeriodLength.DAY
    assert check_period_length(lengths.Value("HOUR"), violations) is PeriodLength.HOUR
    violations.raise_any()
    check_period_length(7, violations)
    with pytest.raises(Exception, match="period_length"):
        violations.raise_any()
