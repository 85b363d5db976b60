"""RerunExecutions: what is to be run again is looked for, by ids or a filter, and run; of a request that comes again, once."""

from __future__ import annotations

from task_manager.v1 import execution_service_pb2
from task_server.api import convert
from task_server.api.request_digest import RequestDigests
from task_server.api.searches import Searches
from task_server.api.threads import Threads
from task_server.api.validation.request_id import check_request_id
from task_server.api.validation.rerun import rerun_wish
from task_server.api.validation.violations import Violations
from task_server.domain.errors import TaskServiceError
from task_server.domain.listing import ExecutionFilter
from task_server.domain.owner import Caller
from task_server.domain.repeatable import Repeatable
from task_server.store.reruns import Past
from task_server.usecases.rerunning import Rerunning, Reruns


class RerunCalls:
    """Answers RerunExecutions."""

    def __init__(self, rerunning: Rerunning, digests: RequestDigests, threads: Threads, searches: Searches) -> None:
        self._rerunning = rerunning
        self._digests = digests
        self._threads = threads
        self._searches = searches

    async def answer(
        self, caller: Caller, request: execution_service_pb2.RerunExecutionsRequest
    ) -> execution_service_pb2.RerunExecutionsResponse:
        """Run past executions again, or count them."""
        violations = Violations()
        check_request_id(request, violations)
        wanted = rerun_wish(request, caller, violations)
        if request.validate_only:
            return execution_service_pb2.RerunExecutionsResponse(count=len(await self._past(caller, wanted)))
        done = await self._rerun(caller, wanted, self._digests.repeatable(request))
        return execution_service_pb2.RerunExecutionsResponse(
            executions=[convert.execution(run, None) for run in done.executions], count=done.made
        )

    async def _rerun(self, caller: Caller, wanted: list[str] | ExecutionFilter, repeatable: Repeatable) -> Reruns:
        # What could be run again when the request first came may be no longer.
        if before := await self._threads.run(self._rerunning.made_before, caller, repeatable):
            return before
        try:
            past = await self._past(caller, wanted)
            return await self._threads.run(self._rerunning.rerun, caller, past, repeatable)
        except TaskServiceError:
            # It may have been the same request that has left no room, done at this moment.
            if before := await self._threads.run(self._rerunning.made_before, caller, repeatable):
                return before
            raise

    async def _past(self, caller: Caller, wanted: list[str] | ExecutionFilter) -> list[Past]:
        if isinstance(wanted, list):
            return await self._threads.run(self._rerunning.named, caller, wanted)
        return await self._searches.of(wanted).run(self._rerunning.matching, wanted)
