"""Counts of runs as plain Python, which a view may answer with as it is."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from task_manager.v1.execution_service_pb2 import ExecutionStats


def counted(stats: ExecutionStats) -> dict[str, Any]:
    """What the service counted, under the contract's names; times are in seconds and ISO 8601."""
    return {
        "total": stats.total,
        "by_status": dict(stats.by_status),
        "by_module": dict(stats.by_module),
        "by_task_name": dict(stats.by_task_name),
        "by_user": dict(stats.by_user),
        "success_rate": stats.success_rate,
        "waiting_seconds": _percentiles(stats.waiting_seconds),
        "running_seconds": _percentiles(stats.running_seconds),
        "periods": [
            {
                "start_time": each.start_time.ToDatetime(UTC).isoformat(),
                "total": each.total,
                "by_status": dict(each.by_status),
            }
            for each in stats.periods
        ],
        "truncated": stats.truncated,
    }


def uncounted() -> dict[str, Any]:
    """The same names where the service did not answer: numbers are None, not 0, and nothing is by anything."""
    return {name: _unknown(value) for name, value in counted(ExecutionStats()).items()}


def _unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unknown(each) for name, each in value.items()}
    return [] if isinstance(value, list) else None


def _percentiles(times: ExecutionStats.Percentiles) -> dict[str, float]:
    return {"p50": times.p50, "p95": times.p95, "p99": times.p99, "count": times.count}
