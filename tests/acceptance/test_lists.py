"""Lists and counts: pages that neither repeat nor hide, stats that equal the lists, requests that may be repeated."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from acceptance_api import Api, Rest

from task_manager import TaskClient

CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}


@pytest.fixture
def module() -> str:
    """A module of this test's own."""
    return str(uuid.uuid4())


def ids(answer: Any) -> list[str]:
    return [task["task_id"] for task in answer["tasks"]]


def test_pages_neither_repeat_nor_hide_while_tasks_come(client: TaskClient, rest: Rest, module: str) -> None:
    def make(name: str) -> str:
        return client.create_task(name, module=module, delay_seconds=3600, **CODE).task_id

    made = [make(f"task {number}") for number in range(7)]
    query = {"module": module, "page_size": 3}
    page = rest.get("/api/tasks", params=query)
    assert (page["total_size"], len(page["tasks"])) == ("7", 3)
    found = ids(page)
    while page["next_page_token"]:
        make("meanwhile")
        page = rest.get("/api/tasks", params=query | {"page_token": page["next_page_token"]})
        found += ids(page)
    assert found == made[::-1]
    assert [task.task_id for task in client.list(module=module, page_size=2)][-7:] == made[::-1]


def test_pages_of_executions(client: TaskClient, rest: Rest, module: str) -> None:
    made = [client.create_task("paged", module=module, delay_seconds=3600, **CODE).last_execution.id for _ in range(5)]
    for path in ("/api/v1/tasks/executions", "/api/v1/tasks/executions/my-tasks/"):
        found: list[str] = []
        token = ""
        while True:
            page = rest.get(path, params={"module": module, "page_size": 2, "page_token": token})
            found += [each["id"] for each in page["executions"]]
            token = page["next_page_token"]
            if not token:
                break
        assert found == made[::-1]


def test_executions_are_filtered_and_ordered_page_by_page(client: TaskClient, rest: Rest, module: str) -> None:
    tagged: dict[str, Any] = {"module": module, "delay_seconds": 3600, **CODE}
    made = [
        client.create_task(name, metadata={"n": n, "even": n % 2 == 0}, **tagged) for n, name in enumerate("dbcaef")
    ]
    query = {"filter": f'module = "{module}" AND metadata.even = true', "order_by": "task_name desc", "page_size": 2}
    found: list[str] = []
    for path in ("/api/v1/tasks/executions", "/api/v1/tasks/executions/my-tasks/"):
        page = rest.get(path, params=query)
        found += [each["task_name"] for each in page["executions"]]
        page = rest.get(path, params=query | {"page_token": page["next_page_token"]})
        found += [each["task_name"] for each in page["executions"]]
        assert page["next_page_token"] == ""
    assert found == ["e", "d", "c"] * 2
    assert [task.name for task in client.list(filter=f'module = "{module}" AND metadata.n > 3')] == ["f", "e"]
    assert rest.get("/api/tasks/stats", params={"filter": f"module = {module} AND NOT name = a"})["total"] == "5"
    assert client.stop_tasks(filter=f"module = {module} AND (name = a OR name = b)") == 2
    status = client.get(made[3].task_id).Status
    assert {task.name for task in client.list(module=module, status=status.REVOKED)} == {"a", "b"}


def test_a_day_is_one_of_the_zone_that_is_named(client: TaskClient, rest: Rest, module: str) -> None:
    created = client.create_task("dated", module=module, delay_seconds=3600, **CODE).created_at.ToDatetime(UTC)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        day = created.astimezone(ZoneInfo(zone)).date().isoformat()
        query = {"module": module, "start_date": day, "end_date": day, "time_zone": zone}
        assert rest.get("/api/v1/tasks/executions/", params=query)["total_size"] == "1"
        assert rest.get("/api/v1/tasks/executions/", params=query | {"start_date": "9999-01-01"})["total_size"] == "0"


def test_a_basic_list_holds_no_code_and_a_full_one_does(client: TaskClient, rest: Rest, module: str) -> None:
    client.create_task("viewed", module=module, delay_seconds=3600, task_args=[1], **CODE)
    (basic,) = rest.get(f"/api/tasks?module={module}")["tasks"]
    (full,) = rest.get(f"/api/tasks?module={module}&view=FULL")["tasks"]
    assert (basic["function_code"], basic["task_args"]) == ("", None)
    assert (full["function_code"], full["task_args"]) == (CODE["function_code"], [1])


def test_stats_equal_the_lists(client: TaskClient, rest: Rest, module: str) -> None:
    done = client.create_task("done", module=module, **CODE).task_id
    client.create_task("late", module=module, delay_seconds=3600, **CODE)
    client.create_task("cron", module=module, cron_expression="@yearly", **CODE)
    failed = client.create_task("failed", module=module, function_code="def main():\n    1 / 0", function_name="main")
    for task_id in (done, failed.task_id):
        client.wait(task_id, timeout=20)
    stats = rest.get(f"/api/tasks/stats/?module={module}")
    assert stats == {
        "total": "4",
        "by_status": {"SUCCESS": "1", "FAILURE": "1", "SCHEDULED": "2"},
        "by_task_type": {"immediate": "2", "delayed": "1", "scheduled": "1"},
        "by_module": {module: "4"},
    }
    for field, key in (("status", "by_status"), ("task_type", "by_task_type")):
        for value, count in stats[key].items():
            query = {"module": module, field: value}
            assert rest.get("/api/tasks", params=query)["total_size"] == count
            assert rest.get("/api/tasks/stats", params=query)["total"] == count
    for scope in ("", "my_tasks=false", "created_by=admin", "name=late", "status=PENDING"):
        listed = rest.get(f"/api/tasks?{scope}")["total_size"]
        assert rest.get(f"/api/tasks/stats?{scope}")["total"] == listed, scope


def test_each_user_sees_and_counts_their_own(rest: Rest, bob: Api, module: str) -> None:
    body = {"name": "own", "module": module, "delay_seconds": 3600, **CODE}
    of_admin, of_bob = rest.post("/api/tasks", body)["task_id"], bob.rest.post("/api/tasks", body)["task_id"]
    query = f"module={module}"
    assert ids(bob.rest.get(f"/api/tasks?{query}")) == [of_bob]
    assert bob.rest.get(f"/api/tasks/stats?{query}")["total"] == "1"
    assert ids(rest.get(f"/api/tasks?{query}")) == [of_admin]
    assert ids(rest.get(f"/api/tasks?{query}&my_tasks=false")) == [of_bob, of_admin]
    assert ids(rest.get(f"/api/tasks?{query}&created_by=bob")) == [of_bob]
    assert rest.get(f"/api/tasks/stats?{query}&my_tasks=false")["total"] == "2"
    assert bob.rest.failure("GET", f"/api/tasks/stats?{query}&my_tasks=false")[0] == 403


def test_a_repeated_request_makes_one_task(rest: Rest, bob: Api, module: str) -> None:
    body = {"name": "once", "module": module, "delay_seconds": 3600, **CODE}
    path = f"/api/tasks?request_id={uuid.uuid4()}"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: rest.post(path, body)["task_id"], range(8)))
    assert len(set(made)) == 1
    assert ids(rest.get(f"/api/tasks?module={module}")) == made[:1]
    status, failure = rest.failure("POST", path, body | {"name": "other"})
    assert (status, failure.code, failure.reason) == (409, "ALREADY_EXISTS", "REQUEST_ID_REUSED")
    # Another user's id is another id.
    assert bob.rest.post(path, body)["task_id"] not in made
