"""Runs of other Celery apps, registered and reported in batches, and one by one, over REST and over gRPC."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from acceptance_api import Api
from acceptance_stack import Stack

from task_manager.v1 import execution_pb2, execution_service_pb2, task_pb2
from task_manager.v1.execution_service_pb2 import ExecutionReport, RegisterExecutionRequest
from task_server.api.validation.registration import MOST

EXECUTIONS = "/api/v1/tasks/executions"


def body(**fields: Any) -> dict[str, Any]:
    return {"task_id": str(uuid.uuid4()), "task_name": "myapp.tasks.my_task", "module": "myapp"} | fields


@pytest.fixture
def service(stack: Stack, api: Api) -> Api:
    """A service account: it registers and reports for others."""
    grants = ["executions:register-for-others"]
    made = api.rest.post("/api/v1/admin/tokens", {"owner": {"id": "observer"}, "role": "editor", "grants": grants})
    return stack.api(made["key"])


def test_a_batch_is_recorded_in_its_order_and_a_second_time_is_the_same(bob: Api) -> None:
    sent = [body(task_kwargs={"n": n}, metadata={"n": n}, app="shop") for n in range(20)]
    sent.append(sent[3] | {"task_name": "another"})
    made = bob.rest.post(f"{EXECUTIONS}/batch", {"requests": sent})["executions"]
    assert [each["task_id"] for each in made] == [each["task_id"] for each in sent]
    assert made[20] == made[3]
    assert (made[7]["metadata"], made[7]["app"], made[7]["task_kwargs"]) == ({"n": 7}, "shop", None)
    assert bob.rest.get(f"{EXECUTIONS}/{made[7]['id']}/")["task_kwargs"] == {"n": 7}
    again = bob.call(
        bob.executions.BatchRegisterExecutions,
        execution_service_pb2.BatchRegisterExecutionsRequest(
            requests=[RegisterExecutionRequest(task_id=each["task_id"], task_name="x", module="y") for each in sent]
        ),
    )
    assert [each.id for each in again.executions] == [each["id"] for each in made]


def test_who_reports_for_others_learns_nothing_that_they_said(service: Api, bob: Api) -> None:
    sent = body(metadata={"customer": "hunter2"}, module="secretive")
    run = bob.rest.post(EXECUTIONS, sent)
    bob.rest.post(f"{EXECUTIONS}/{run['id']}/status", {"status": "RETRY", "error": "hunter2"})
    his = body(task_id=sent["task_id"], created_by="bob", metadata={"mine": 1})
    known = {
        "id": run["id"],
        "status": "RETRY",
        "task_name": his["task_name"],
        "module": "myapp",
        "metadata": {"mine": 1},
    }
    (batched,) = service.rest.post(f"{EXECUTIONS}/batch", {"requests": [his]})["executions"]
    for told in (service.rest.post(EXECUTIONS, his), batched):
        assert "hunter2" not in str(told)
        assert {name: told[name] for name in known} == known
    done = service.rest.post(f"{EXECUTIONS}/{run['id']}/status", {"status": "SUCCESS", "metadata": {"rows": 2}})
    assert (done["status"], done["metadata"], done["module"], done["error"]) == ("SUCCESS", {"rows": 2}, "", "")
    assert bob.rest.get(f"{EXECUTIONS}/{run['id']}")["metadata"] == {"customer": "hunter2", "rows": 2}


def test_all_that_is_wrong_in_a_batch_is_said_at_once_and_none_of_it_is_recorded(bob: Api) -> None:
    good = body()
    wrong = [good, body(task_id="", app="x" * 101), body(module=" ", metadata={"x": "y" * 70_000})]
    status, failure = bob.rest.failure("POST", f"{EXECUTIONS}/batch", {"requests": wrong})
    assert (status, failure.reason) == (400, "INVALID_FIELDS")
    assert set(failure.violations) == {
        "requests[1].task_id", "requests[1].app", "requests[2].module", "requests[2].metadata",
    }  # fmt: skip
    assert bob.rest.failure("GET", f"{EXECUTIONS}/by-task-id/{good['task_id']}")[0] == 404
    for field, path in (("requests", "batch"), ("reports", "report")):
        for many in ([], [{"run": {"task_id": "x"}} if field == "reports" else body(task_id="x")] * (MOST + 1)):
            _, failure = bob.rest.failure("POST", f"{EXECUTIONS}/{path}", {field: many})
            assert failure.violations == {field: f"must have 1 to 1,000 entries, not {len(many):,}"}


def test_reports_record_a_run_and_move_it_to_its_end(bob: Api) -> None:
    run = body(metadata={"source": "signal"})
    reports = [
        {"run": run, "occurred_at": "2026-01-31T08:00:00Z", "queue": "mail"},
        {"run": run, "status": "STARTED", "occurred_at": "2026-01-31T08:00:01Z", "worker": "celery@a"},
    ]
    nothing = {"recorded": "0", "changed": "0", "unchanged": "0", "unknown": "0"}
    done = bob.rest.post(f"{EXECUTIONS}/report", {"reports": reports})
    assert done == nothing | {"recorded": "1", "changed": "1"}
    bare = {"run": {"task_id": run["task_id"]}, "status": "SUCCESS", "result": {"n": 7}}
    unknown = {"run": {"task_id": str(uuid.uuid4())}, "status": "SUCCESS"}
    assert bob.rest.post(f"{EXECUTIONS}/report", {"reports": [bare, unknown, reports[1]]}) == nothing | {
        "changed": "1", "unchanged": "1", "unknown": "1",
    }  # fmt: skip
    found = bob.rest.get(f"{EXECUTIONS}/by-task-id/{run['task_id']}")
    assert (found["status"], found["source"], found["result"]) == ("SUCCESS", "REPORT", {"n": 7})
    assert (found["started_at"], found["due_at"]) == ("2026-01-31T08:00:01Z", "2026-01-31T08:00:00Z")
    assert (found["worker"], found["queue"], found["metadata"]) == ("celery@a", "mail", {"source": "signal"})
    assert bob.rest.post(f"{EXECUTIONS}/report", {"reports": reports}) == nothing | {"unchanged": "2"}


def test_all_that_is_wrong_in_reports_is_said_at_once(bob: Api) -> None:
    reports = [
        ExecutionReport(run=RegisterExecutionRequest(**body())),
        ExecutionReport(run=RegisterExecutionRequest(module="x" * 201), retries=-1, worker="x" * 201),
    ]
    reports[1].status = 99  # type: ignore[assignment] # what an old or a hostile client may send
    reports[1].occurred_at.seconds = 2**50
    reports[1].result.number_value = float("nan")
    failure = bob.failure(
        bob.executions.BatchReportExecutions,
        execution_service_pb2.BatchReportExecutionsRequest(reports=reports),
    )
    fields = ("run.task_id", "run.module", "retries", "worker", "status", "occurred_at", "result")
    assert set(failure.violations) == {f"reports[1].{field}" for field in fields}
    assert bob.rest.failure("GET", f"{EXECUTIONS}/by-task-id/{reports[0].run.task_id}")[0] == 404


def test_a_module_says_itself_where_its_run_stands(bob: Api) -> None:
    made = bob.rest.post(f"{EXECUTIONS}/", body(metadata={"a": 1, "b": 1}))
    path = f"{EXECUTIONS}/{made['id']}/status/"
    started = bob.rest.post(path, {"status": "STARTED", "metadata": {"b": 2}})
    assert (started["status"], started["metadata"]) == ("STARTED", {"a": 1, "b": 2})
    ended = bob.rest.post(path, {"status": "FAILURE", "error": "no route", "traceback": "Traceback: no route"})
    assert (ended["status"], ended["failure_reason"], ended["traceback"]) == (
        "FAILURE", "EXCEPTION", "Traceback: no route",
    )  # fmt: skip
    assert ended["duration"] >= 0
    # It stays, which is no error.
    request = execution_service_pb2.UpdateExecutionStatusRequest(
        id=made["id"], status=execution_pb2.TaskExecution.SUCCESS
    )
    assert bob.call(bob.executions.UpdateExecutionStatus, request).status == execution_pb2.TaskExecution.FAILURE
    status, failure = bob.rest.failure("POST", path, {"metadata": {"x": "y" * 70_000}})
    assert (status, set(failure.violations)) == (400, {"status", "metadata"})


def test_a_run_of_this_service_is_not_reported(bob: Api) -> None:
    run = bob.create(
        task_pb2.Task(name="t", function_code="def f():\n    return 1", function_name="f", delay_seconds=3600)
    ).last_execution
    status, failure = bob.rest.failure("POST", f"{EXECUTIONS}/{run.id}/status", {"status": "FAILURE"})
    assert (status, failure.reason, failure.metadata) == (400, "EXECUTION_NOT_FOREIGN", {"id": run.id})


def test_for_others_it_takes_the_grant_which_is_asked_for_first(api: Api, bob: Api, service: Api) -> None:
    for path, field, said in (
        ("batch", "requests", body(created_by="li", task_id="")),
        ("report", "reports", {"run": body(created_by="li", task_id="")}),
    ):
        for caller in (api, bob):
            status, failure = caller.rest.failure("POST", f"{EXECUTIONS}/{path}", {field: [said]})
            assert (status, failure.metadata) == (403, {"permission": "executions:register-for-others"})
    run = body(created_by="li", created_by_username="Li Lei", task_kwargs={"a": 1})
    (made,) = service.rest.post(f"{EXECUTIONS}/batch", {"requests": [run]})["executions"]
    assert made["created_by"] == {"id": "li", "username": "Li Lei"}
    reported = service.rest.post(f"{EXECUTIONS}/report", {"reports": [{"run": run, "status": "STARTED"}]})
    assert reported["changed"] == "1"
    updated = service.rest.post(f"{EXECUTIONS}/{made['id']}/status", {"status": "SUCCESS", "result": 7})
    assert (updated["status"], updated["result"], updated["task_kwargs"]) == ("SUCCESS", None, None)
    assert service.rest.failure("GET", f"{EXECUTIONS}/{made['id']}")[0] == 404
    assert api.rest.get(f"{EXECUTIONS}/{made['id']}")["result"] == 7
    # Without `created_by` it is a run of its own, or one whose user it has named; what others have is nothing to it.
    api.rest.post(EXECUTIONS, body(task_id="of the admin"))
    unnamed = [{"run": {"task_id": task_id}} for task_id in (run["task_id"], "of the admin")]
    told = service.rest.post(f"{EXECUTIONS}/report", {"reports": unnamed})
    assert (told["unchanged"], told["unknown"]) == ("1", "1")


def test_a_thousand_runs_as_they_are_in_practice_fit_in_one_request(bob: Api) -> None:
    runs = [
        body(task_kwargs={"order_id": n, "customer": "c" * 36, "items": [1, 2, 3]}, metadata={"request": "r" * 36})
        for n in range(MOST)
    ]
    made = bob.rest.post(f"{EXECUTIONS}/batch", {"requests": runs})["executions"]
    assert [each["task_id"] for each in made] == [each["task_id"] for each in runs]
    reports = [{"run": run, "status": "SUCCESS", "result": {"sent": True}, "worker": "celery@host"} for run in runs]
    assert bob.rest.post(f"{EXECUTIONS}/report", {"reports": reports})["changed"] == "1000"
