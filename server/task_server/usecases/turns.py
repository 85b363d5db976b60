"""Whose turn it is: a message says that its queue has work, and the work that is taken is that of whoever has least.

So one owner's thousand runs do not go before another's single one that came later. Messages stay as many as runs wait for them: one
whose run was taken already stands for another run that is ready.
"""

from __future__ import annotations

from collections.abc import Collection

from task_server.domain.actions import ActionKind
from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.store import ready

#: How many owners are looked at for one message. Where more wait, those after them are looked at for the next ones.
_MOST_OWNERS = 32


class Turns:
    """Decides between owners by how many runs each has in the queue now, and between equals by turns.

    What was taken last is known for this process alone; each process of a pool takes its own turns.
    """

    def __init__(self) -> None:
        #: By queue, whose run was taken last, or who was looked at last.
        self._last: dict[str, str] = {}

    def order(self, named: Execution, kinds: tuple[ActionKind, ...], now: Micros) -> list[str]:
        """Owners with runs that are ready in the queue of the run that a message names, whoever is next first."""
        queue, own = named.queue, named.owner.id
        if not ready.others_wait(queue, own):
            return [own]
        last = self._last.get(queue, "")
        looked = ready.owners(queue, kinds, now, last, _MOST_OWNERS)
        if last and len(looked) < _MOST_OWNERS:
            looked += [
                each
                for each in ready.owners(queue, kinds, now, "", _MOST_OWNERS - len(looked))
                if each.owner_id <= last
            ]
        running = {each.owner_id: each.running for each in looked if each.running is not None}
        if not running and looked:
            self._last[queue] = looked[-1].owner_id
        if own not in running:
            running[own] = ready.running(queue, own)
        return sorted(running, key=running.__getitem__)

    def took(self, run: Execution) -> None:
        """Note whose run was taken."""
        self._last[run.queue] = run.owner.id


def pick(
    order: Collection[str],
    named: Execution | None,
    queue: str,
    kinds: tuple[ActionKind, ...],
    now: Micros,
    besides: set[str],
) -> str | None:
    """The id of the run that is next; None where none is ready.

    Parameters:
        named: the run that the message names, where it may begin: of its own owner's runs it goes first.
        besides: ids that are left out.
    """
    for owner_id in order:
        if named is not None and owner_id == named.owner.id and named.id not in besides:
            return named.id
        for execution_id in ready.first(queue, owner_id, kinds, now, len(besides) + 1):
            if execution_id not in besides:
                return execution_id
    return None
