"""Statistics of executions, through both ports: they say what the list has, to whom it is shown."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from acceptance_api import Rest

from task_manager import TaskClient

STATS = "/api/v1/tasks/executions/stats"
CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}


@pytest.fixture
def module() -> str:
    """A module of this test's own."""
    return str(uuid.uuid4())


def test_they_say_what_the_list_has(client: TaskClient, rest: Rest, module: str) -> None:
    made = [client.create_task(name, module=module, **CODE) for name in ("a", "a", "b")]
    for task in made:
        client.wait(task.task_id, timeout=60)
    client.create_task("a", module=module, delay_seconds=3600, **CODE)

    stats = rest.get(STATS, params={"module": module})
    listed = rest.get("/api/v1/tasks/executions", params={"module": module})
    assert stats["total"] == listed["total_size"] == "4"
    assert listed["total_size_is_least"] is False
    assert stats["by_status"] == {"SUCCESS": "3", "PENDING": "1"}
    assert stats["by_task_name"] == {"a": "3", "b": "1"}
    assert stats["by_module"] == {module: "4"}
    assert sum(map(int, stats["by_user"].values())) == 4
    assert stats["success_rate"] == 1
    assert stats["running_seconds"]["count"] == stats["waiting_seconds"]["count"] == "3"
    assert 0 < stats["running_seconds"]["p50"] <= stats["running_seconds"]["p99"] < 60
    assert [period["total"] for period in stats["periods"]] in (["4"], ["3", "1"], ["1", "3"], ["2", "2"])
    assert stats["truncated"] is False

    for more, total in (
        ({"task_name": "b"}, "1"),
        ({"status": "PENDING"}, "1"),
        ({"filter": "task_name = a AND status = SUCCESS"}, "2"),
        ({"end_date": "2020-01-01"}, "0"),
        ({"parent_task": made[0].task_id, "time_zone": "Asia/Shanghai", "period_length": "HOUR"}, "1"),
    ):
        query = {"module": module} | more
        assert rest.get(STATS, params=query)["total"] == total
        listing = {name: value for name, value in query.items() if name != "period_length"}
        assert rest.get("/api/v1/tasks/executions", params=listing)["total_size"] == total
