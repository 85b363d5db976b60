"""The server is killed again and again while runs are reported: told once more until it answers, everything is known, and once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from acceptance_stack import Stack, eventually, standing

from task_manager import TaskClient
from task_manager.errors import DeadlineExceeded, Unavailable
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import (
    BatchReportExecutionsResponse,
    ExecutionReport,
    RegisterExecutionRequest,
)

RUNS, BATCH, KILLS = 400, 100, 4
BEGAN = 1_790_000_000


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(tmp_path_factory.mktemp("reporting")) as stack:
        yield stack


def reports() -> list[ExecutionReport]:
    """Three of each run: it was published, it started, and it ended."""
    found = []
    for status, seconds in (("PENDING", 0), ("STARTED", 1), ("SUCCESS", 3)):
        for number in range(RUNS):
            run = RegisterExecutionRequest(task_id=str(uuid.UUID(int=number)), task_name="shop.mail", module="shop")
            report = ExecutionReport(run=run, status=status)
            report.occurred_at.seconds = BEGAN + number + seconds
            if status == "SUCCESS":
                report.result.number_value = number
            found.append(report)
    return found


def tell(client: TaskClient, batch: list[ExecutionReport]) -> BatchReportExecutionsResponse:
    """Tell it until somebody answers."""

    def told() -> BatchReportExecutionsResponse | None:
        try:
            return client.within(5.0).report_executions(batch)
        except (Unavailable, DeadlineExceeded):
            return None

    return eventually(told, seconds=60.0, what="the server answers")


def test_no_report_is_lost_and_none_counts_twice(stack: Stack) -> None:
    client = stack.client()
    told = reports()
    batches = [told[begin : begin + BATCH] for begin in range(0, len(told), BATCH)]
    for number, batch in enumerate(batches):
        if number % (len(batches) // KILLS):
            tell(client, batch)
            continue
        telling = threading.Thread(target=tell, args=(client, batch))
        telling.start()
        stack.kill_role("server")
        telling.join(timeout=60)
        assert not telling.is_alive()
    page = client.list_my_executions(page_size=1000, view="FULL", module="shop")
    found = {execution.task_id: execution for execution in page}
    assert len(found) == RUNS
    for number in range(RUNS):
        run = found[str(uuid.UUID(int=number))]
        assert (run.status, run.result.number_value) == (TaskExecution.SUCCESS, number)
        times = [each.seconds - BEGAN - number for each in (run.due_at, run.started_at, run.finished_at)]
        assert times == [0, 1, 3]
    again = [tell(client, batch) for batch in batches]
    assert sum(each.unchanged for each in again) == len(told)
