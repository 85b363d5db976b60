"""A request to run executions again whose like is at it at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from task_manager.v1.execution_service_pb2 import RerunExecutionsRequest
from task_server.api.request_digest import RequestDigests
from task_server.api.reruns import RerunCalls
from task_server.api.searches import Searches
from task_server.api.threads import Threads
from task_server.domain.outcome import Outcome
from task_server.domain.owner import Caller
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.repeatable import Repeatable
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import TaskDefinition
from task_server.usecases.limits import Limits
from task_server.usecases.ports import Ports
from task_server.usecases.rerunning import Rerunning, Reruns
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks


class Late(Rerunning):
    """One that looks before the other one has made anything, and goes on when it has."""

    has_looked = False

    def made_before(self, caller: Caller, request: Repeatable) -> Reruns | None:
        if not self.has_looked:
            self.has_looked = True
            return None
        return super().made_before(caller, request)


async def test_where_the_other_one_took_the_last_place_it_is_answered_all_the_same(
    ports: Ports, threads: Threads, ann: Caller, definition: Callable[..., TaskDefinition]
) -> None:
    def end_one() -> str:
        execution = Tasks(ports).create(ann, definition()).last_execution
        assert execution is not None
        running = Running(ports, lease_seconds=30)
        claim = running.claim(execution.id, "w")
        assert claim is not None
        assert running.finish(claim.execution_id, claim.attempt, Outcome(status=ExecutionStatus.SUCCESS))
        return execution.id

    few = replace(ports, limits=Limits(quotas=Quotas(Quota(queued=1))))
    request = RerunExecutionsRequest(ids=[await threads.run(end_one)], request_id="one")

    def calls(rerunning: Rerunning) -> RerunCalls:
        return RerunCalls(rerunning, RequestDigests(b"k" * 32), threads, Searches(threads))

    first = await calls(Rerunning(few)).answer(ann, request)
    assert (first.count, len(first.executions)) == (1, 1)
    assert await calls(Late(few)).answer(ann, request) == first
