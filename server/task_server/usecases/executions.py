"""Reading executions and their logs."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.errors import ExecutionNotFound
from task_server.domain.event import Position
from task_server.domain.execution import Execution, ExecutionDetail, LogChunk
from task_server.domain.listing import ExecutionFilter
from task_server.domain.ordering import NEWEST, Order, Place
from task_server.domain.owner import Caller
from task_server.store import events, execution_logs, execution_pages, executions, rollups
from task_server.usecases.ports import Ports

_LOG_CHUNKS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """An execution; `detail` only where everything was asked for."""

    execution: Execution
    detail: ExecutionDetail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPage:
    """One page of executions."""

    views: list[ExecutionView]
    has_more: bool
    total: int
    #: There may be more than `total`.
    total_is_least: bool
    #: Where a watcher goes on after this page.
    position: Position


class Executions:
    """The use cases of executions."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database

    def get(self, caller: Caller, execution_id: str, *, full: bool) -> ExecutionView:
        """One execution. Raises ExecutionNotFound when there is none that the caller may see."""
        with self._database.read():
            return _view(_visible(caller, executions.get(execution_id), id=execution_id), full=full)

    def get_by_task_id(self, caller: Caller, task_id: str, *, full: bool) -> ExecutionView:
        """One execution by its Celery task id. Raises ExecutionNotFound."""
        with self._database.read():
            found = [each for each in executions.find_by_task_id(task_id) if caller.may_see(each.owner.id)]
            # Who sees everybody's sees their own first.
            found.sort(key=lambda each: each.owner.id != caller.owner.id)
            return _view(_visible(caller, found[0] if found else None, task_id=task_id), full=full)

    def page(
        self, wanted: ExecutionFilter, after: Place, page_size: int, order: Order = NEWEST, *, full: bool
    ) -> ExecutionPage:
        """One page of executions in that order, beginning behind the place `after` (empty: with the first)."""
        with self._database.read():
            position = events.head(self._database)
            total, total_is_least = rollups.count(wanted)
            rows = execution_pages.page(wanted, after, page_size + 1, order)
            return ExecutionPage(
                views=[_view(row, full=full) for row in rows[:page_size]],
                has_more=len(rows) > page_size,
                total=total,
                total_is_least=total_is_least,
                position=position,
            )

    def log(self, caller: Caller, execution_id: str, offset: int) -> tuple[Execution, list[LogChunk]]:
        """The execution as it is, and up to 64 pieces of its log that reach beyond `offset`. Raises ExecutionNotFound."""
        with self._database.read():
            execution = _visible(caller, executions.get(execution_id), id=execution_id)
            return execution, execution_logs.read(execution_id, offset, _LOG_CHUNKS)


def _view(execution: Execution, *, full: bool) -> ExecutionView:
    return ExecutionView(execution=execution, detail=executions.detail(execution.id) if full else None)


def _visible(caller: Caller, execution: Execution | None, **key: str) -> Execution:
    if execution is None or not caller.may_see(execution.owner.id):
        raise ExecutionNotFound(**key)
    return execution
