"""Reads for which rows are looked at one by one, by an expression or to be sorted: each may take seconds."""

from __future__ import annotations

from task_server.api.shares import Shares
from task_server.api.threads import Threads
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.domain.ordering import NEWEST, Order, is_by_creation


class Searches(Shares):
    """Half of the threads of the use cases at most, and for one owner half of those."""

    def __init__(self, threads: Threads) -> None:
        super().__init__(threads, threads.count // 2, threads.count // 4)

    def of(self, wanted: ExecutionFilter | TaskFilter, order: Order = NEWEST) -> Searches | Threads:
        """What is to read that: the threads themselves where an index answers."""
        return self._threads if wanted.condition is None and is_by_creation(order) else self
