"""Statistics of executions as callers ask for them and read them."""

from __future__ import annotations

from task_manager.v1.execution_service_pb2 import ExecutionStats as Message
from task_server.api.validation.violations import Violations
from task_server.api.values import timestamp
from task_server.domain.clock import SECOND
from task_server.domain.execution_stats import ExecutionStats, Percentiles
from task_server.domain.periods import PeriodLength


def check_period_length(value: int, violations: Violations) -> PeriodLength:
    """How long the periods are: days unless hours were asked for."""
    names = Message.Period.Length
    if value not in names.values():
        violations.add("period_length", f"must be one of {', '.join(PeriodLength)}")
    return PeriodLength.HOUR if value == names.Value("HOUR") else PeriodLength.DAY


def execution_stats(value: ExecutionStats) -> Message:
    """The answer."""
    return Message(
        total=value.total,
        by_status={status.value: n for status, n in value.by_status.items()},
        by_module=value.by_module,
        by_task_name=value.by_task_name,
        by_user=value.by_user,
        success_rate=value.success_rate,
        waiting_seconds=_percentiles(value.waiting),
        running_seconds=_percentiles(value.running),
        periods=[
            Message.Period(
                start_time=timestamp(period.begin),
                total=period.total,
                by_status={status.value: n for status, n in period.by_status.items()},
            )
            for period in value.periods
        ],
        truncated=value.truncated,
    )


def _percentiles(value: Percentiles) -> Message.Percentiles:
    return Message.Percentiles(
        p50=value.p50 / SECOND, p95=value.p95 / SECOND, p99=value.p99 / SECOND, count=value.count
    )
