"""Places: whether a run may begin beside those that run already, and who is called when a place is free.

A run needs a place in each scope that has a limit: its queue's, its owner's, its concurrency key's. One that finds none waits for
it (`waits_for`), kept from the workers. Where a run ends, or a start is earned again, the next one is called in the same
transaction, and told of after it: should the process die between the two, the scheduler publishes it. A place that nobody gave
on is given by the scheduler. Runs have places only while they are STARTED, so a lost lease frees them too.

A place that is kept is kept from those alone that were called nowhere. Were it kept from one that was called in another scope,
two such could each have the place that the other one needs, give them up for each other, and so on for ever, while nothing runs.
As it is, whoever was called either begins or waits for the end of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from task_server.domain.clock import NEVER, SECOND, Micros
from task_server.domain.execution import Execution
from task_server.domain.places import Places
from task_server.domain.quotas import Quotas
from task_server.domain.task import TaskDefinition
from task_server.store import places, tasks

if TYPE_CHECKING:
    from task_server.usecases.ports import Ports

#: How many are called at once; of more the scheduler's next turn calls the rest.
_MOST_CALLS = 100
#: How long a place is kept at most for who was called: no worker may serve its queue any more.
_KEPT: Micros = 60 * SECOND


class Call(NamedTuple):
    """An execution for which a place is kept from a time on."""

    execution_id: str
    queue: str
    ready_at: Micros


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of queues and owners, from the settings; those of keys are the tasks' own."""

    queues: Mapping[str, Places] = field(default_factory=dict)
    quotas: Quotas = field(default_factory=Quotas)

    def enter(self, ports: Ports, definition: TaskDefinition, run: Execution, now: Micros) -> str | None:
        """Take a place in each scope of a run that is to begin. None where that is done, else the scope that has none.

        The scopes are locked from then on. Nothing was taken where one has none.
        """
        scopes = self._scopes(run, definition)
        for scope in scopes:
            places.lock(ports.database, scope)
        is_called = bool(run.waits_for) and (places.ready_at(run.id) or 0) < NEVER
        for scope, limit in scopes.items():
            if not _has_place(scope, limit, now, is_called=is_called):
                return scope
        for scope, limit in scopes.items():
            if limit.rate is not None:
                places.set_full_at(scope, limit.rate.after_start(places.full_at(scope), now))
        return None

    def wait(self, ports: Ports, run: Execution, scope: str, now: Micros) -> list[Call]:
        """Have a run wait for a place in a scope that has none, and is locked; return who is called, as it may be itself later."""
        # Also where it was called in that scope itself, and others began before it: no place is kept for it then.
        places.wait(run.id, scope)
        calls = self._call(ports, scope, now)
        if run.waits_for and run.waits_for != scope:
            # It was called there, and can not go.
            calls += self.call(ports, run.waits_for, now)
        return calls

    def began(self, ports: Ports, definition: TaskDefinition, run: Execution, now: Micros) -> list[Call]:
        """Call who may start next, where a run has begun that counts for a rate."""
        rated = [scope for scope, limit in self._scopes(run, definition).items() if limit.rate is not None]
        return [call for scope in rated for call in self._call(ports, scope, now)]

    def ended(self, ports: Ports, run: Execution, now: Micros) -> list[Call]:
        """Call who takes the places of a run that runs no more."""
        names = sorted(self._names(run))
        for scope in names:
            places.lock(ports.database, scope)
        return [call for scope in names for call in self._call(ports, scope, now, after_owner=run.owner.id)]

    def call(self, ports: Ports, scope: str, now: Micros) -> list[Call]:
        """Call as many as a scope has places for."""
        places.lock(ports.database, scope)
        return self._call(ports, scope, now)

    def limit_of(self, scope: str, definition: TaskDefinition | None) -> Places:
        """What a scope limits; that of a key as a task that waits there has it."""
        kind, _, name = scope.partition(":")
        if kind == "queue":
            return self.queues.get(name, Places())
        if kind == "owner":
            return Places(self.quotas.of(name).running)
        return _key_places(definition) if definition is not None else Places()

    def _call(self, ports: Ports, scope: str, now: Micros, after_owner: str = "") -> list[Call]:
        calls: list[Call] = []
        while len(calls) < _MOST_CALLS:
            first = self._first(ports, scope, after_owner)
            if first is None:
                break
            ready_at = _place_at(scope, self.limit_of(scope, _definition(scope, first)), now)
            if ready_at is None:
                break
            places.call(first.id, ready_at, ports.publish_after(now, ready_at))
            calls.append(Call(first.id, first.queue, ready_at))
            after_owner = first.owner_id
        return calls

    def _first(self, ports: Ports, scope: str, after_owner: str) -> places.First | None:
        """Who is to be called next: of the owner with the fewest runs, and of several such in turn, what was due first."""
        waiters = places.waiters(scope)
        for waiter in sorted(waiters, key=lambda each: (each.running, each.owner_id <= after_owner, each.owner_id)):
            first = places.first(ports.database, scope, waiter.owner_id)
            if first is not None:
                return first
        return None

    def _scopes(self, run: Execution, definition: TaskDefinition) -> dict[str, Places]:
        """The scopes of a run that have a limit, in the order in which they are locked."""
        names = sorted(self._names(run))
        return {scope: limit for scope in names if (limit := self.limit_of(scope, definition))}

    def _names(self, run: Execution) -> list[str]:
        names = []
        if run.queue in self.queues:
            names.append(f"queue:{run.queue}")
        if self.quotas.of(run.owner.id).running:
            names.append(f"owner:{run.owner.id}")
        if run.concurrency_key:
            names.append(places.key_scope(run.owner.id, run.concurrency_key))
        return names


def _key_places(definition: TaskDefinition) -> Places:
    return Places(definition.max_concurrent, definition.start_rate) if definition.concurrency_key else Places()


def _definition(scope: str, first: places.First) -> TaskDefinition | None:
    """The definition of a task that waits in a scope of a key."""
    if not scope.startswith("key:"):
        return None
    # One that can not be read, as of a newer version, is called: whoever claims it says what is wrong with it.
    task = tasks.get_readable(first.task_id)
    return task.definition if task is not None else None


def _has_place(scope: str, limit: Places, now: Micros, *, is_called: bool) -> bool:
    # Whoever was called, in whichever scope, goes first.
    kept = 0 if is_called else places.called(scope, now - _KEPT)
    if limit.concurrency and places.running(scope) + kept >= limit.concurrency:
        return False
    return limit.rate is None or (not kept and limit.rate.free_at(places.full_at(scope)) <= now)


def _place_at(scope: str, limit: Places, now: Micros) -> Micros | None:
    """From when on a scope has one more place; None where that is not known."""
    kept = places.called(scope, now - _KEPT)
    if limit.concurrency and places.running(scope) + kept >= limit.concurrency:
        return None
    if limit.rate is None:
        return now
    # One at a time: each start calls the next.
    return None if kept else max(now, limit.rate.free_at(places.full_at(scope)))
