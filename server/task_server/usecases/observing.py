"""Observing: what was seen of other Celery apps' runs is recorded, and moves what was recorded before.

It may come late, twice, and in any order: `domain.observation` says what follows. No event tells of it: events are of tasks, and
there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from task_server.auth.policy import require
from task_server.domain.attribution import as_told
from task_server.domain.errors import ExecutionNotForeign, ExecutionNotFound, InvalidFields, Violation
from task_server.domain.execution import Execution
from task_server.domain.observation import Observation, merged
from task_server.domain.owner import Caller, Grant, Owner
from task_server.domain.registration import MAX_METADATA_BYTES, Registration
from task_server.domain.report import Report, Sighting
from task_server.store import executions, tracked
from task_server.store.tracked import TrackedRun
from task_server.usecases import attributing, auditing
from task_server.usecases.executions import ExecutionView
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.run_batch import RunBatch, RunBatches


class FollowedApp(Protocol):
    """A Celery app that somebody follows from outside."""

    @property
    def name(self) -> str:
        """As the operator calls it."""

    @property
    def owner(self) -> Owner:
        """Whose the runs are that nobody registered."""

    def module_of(self, task_name: str) -> str:
        """The module that a task of it belongs to."""

    def has(self, execution: Execution) -> bool:
        """Whether the app runs it, and what the app tells may be told to its owner."""


class Observed(NamedTuple):
    """What became of runs of which it was seen how they stand."""

    #: The runs as they are known now, by id. One that is not there any more is left out.
    executions: dict[str, Execution]
    #: The ids of those that changed.
    changed: frozenset[str]


class Reported(NamedTuple):
    """What became of reports."""

    #: How many runs were recorded.
    recorded: int = 0
    #: How many reports moved a recorded run on.
    changed: int = 0
    #: How many said nothing new.
    unchanged: int = 0
    #: How many were left out: of runs that are not recorded, and that they did not say enough of, or whose owner may have no more.
    unknown: int = 0


class Observing:
    """The use cases of those who see runs of other apps. What is to be done for one call is one transaction."""

    def __init__(self, ports: Ports) -> None:
        self._batches = RunBatches(ports.database, QuotaGuard(ports.database, ports.limits.quotas))

    def observe(self, seen: Sequence[tuple[str, Observation]]) -> Observed:
        """Move the runs with those execution ids. Those of this service, and those that are gone, are left out."""

        def work(batch: RunBatch) -> Observed:
            runs = batch.by_id()
            for execution_id, observation in seen:
                if execution_id in runs:
                    batch.move(runs[execution_id], observation)
            return Observed({key: run.execution for key, run in runs.items()}, frozenset(batch.moved))

        return self._batches.with_ids([execution_id for execution_id, _ in seen], work)

    def give_up(self, gone: Sequence[tuple[Execution, Observation]]) -> int:
        """End runs as vanished; return how many. One that somebody has seen since it was found so stays as it is."""

        def work(batch: RunBatch) -> int:
            runs = batch.by_id()
            for found, observation in gone:
                run = runs.get(found.id)
                if run is not None and run.execution.revision == found.revision:
                    batch.move(run, observation)
            return len(batch.moved)

        return self._batches.with_ids([found.id for found, _ in gone], work)

    def report(self, caller: Caller, reports: Sequence[Report]) -> Reported:
        """Record and move the runs that a caller reports of: its own, and with the grant those of the users that it names.

        `domain.attribution` says which run is meant where nobody is named, and which one a named user is handed. A run of this
        service is known better than any report can tell. Raises PermissionMissing.
        """
        if any(report.owner.id != caller.owner.id for report in reports):
            require(caller, Grant.REGISTER_FOR_OTHERS)
        task_ids = {report.task_id for report in reports}

        def work(batch: RunBatch) -> Reported:
            own = {execution.task_id for execution in tracked.own(task_ids, caller.owner.id)}
            told = [each for each in reports if each.task_id not in own or each.owner.id != caller.owner.id]
            new = attributing.unattributed(batch, caller, told)
            roomy = batch.with_room(each.owner.id for each in new)
            for each in new:
                if each.owner.id in roomy:
                    attributing.attribute(batch, caller, each)
            attributing.note(caller, batch)
            done = _moved(batch, [(attributing.meant(batch, caller, each), each.observation) for each in told])
            if changed := [*batch.recorded, *batch.moved]:
                auditing.note_many(caller, changed, batch.now)
            return done._replace(unchanged=done.unchanged + len(reports) - len(told))

        return self._batches.under(task_ids, work)

    def receive(self, app: FollowedApp, sightings: Sequence[Sighting]) -> Reported:
        """Move every run of an app that was seen, whoever registered it; what nobody did is recorded for the app's owner.

        What its owner has as another app's is left out: several apps of a broker hear each other's events. A sighting of a run
        that several registered counts once.
        """

        def work(batch: RunBatch) -> Reported:
            new: dict[str, Registration] = {}
            for each in sightings:
                known = _runs_of(app, batch, each.task_id) or batch.of(each.task_id, app.owner.id)
                if each.task_name and not known:
                    new.setdefault(each.task_id, _registration(app, each))
            if new and batch.with_room([app.owner.id] * len(new)):
                for registration in new.values():
                    batch.record(as_told(registration, "", batch.now), registration)
            return _moved(batch, [(_runs_of(app, batch, each.task_id), each.observation) for each in sightings])

        return self._batches.under({each.task_id for each in sightings}, work)

    def update(self, caller: Caller, execution_id: str, observation: Observation) -> ExecutionView:
        """Move one run, and answer with what is recorded of it then: a final status stays, whatever was seen.

        Its owner may do so, and whoever may register for others; who may not see it is answered without its heavy parts.
        Raises ExecutionNotFound, ExecutionNotForeign for a run of this service, PermissionMissing where the caller sees it and may
        no more, and InvalidFields where its metadata would grow too large.
        """

        def work(batch: RunBatch) -> ExecutionView:
            found = batch.by_id().get(execution_id)
            run = _updatable(caller, execution_id, found)
            if merged(run.execution, observation.metadata) is None:
                most = f"must be at most {MAX_METADATA_BYTES:,} bytes as JSON together with what is there"
                raise InvalidFields([Violation("metadata", most)])
            if batch.move(run, observation):
                auditing.note(caller, execution_id, batch.now, run.execution.status.value)
            batch.store()
            is_seen = caller.may_see(run.execution.owner.id)
            return ExecutionView(execution=run.execution, detail=executions.detail(execution_id) if is_seen else None)

        return self._batches.with_ids({execution_id}, work)


def _updatable(caller: Caller, execution_id: str, run: TrackedRun | None) -> TrackedRun:
    may_for_others = Grant.REGISTER_FOR_OTHERS in caller.grants
    if run is not None and (run.execution.owner.id == caller.owner.id or may_for_others):
        return run
    # Asked in any case: what belongs to somebody else is looked up as what nobody has.
    ours = executions.get(execution_id)
    if ours is None or not caller.may_see(ours.owner.id):
        raise ExecutionNotFound(id=execution_id)
    if ours.is_foreign:
        require(caller, Grant.REGISTER_FOR_OTHERS)
    raise ExecutionNotForeign(execution_id)


def _runs_of(app: FollowedApp, batch: RunBatch, task_id: str) -> list[TrackedRun]:
    return [run for run in batch.under(task_id) if app.has(run.execution)]


def _registration(app: FollowedApp, sighting: Sighting) -> Registration:
    return Registration(
        task_id=sighting.task_id,
        task_name=sighting.task_name,
        module=app.module_of(sighting.task_name),
        owner=app.owner,
        args=sighting.args,
        kwargs=sighting.kwargs,
        app=app.name,
    )


def _moved(batch: RunBatch, told: Iterable[tuple[list[TrackedRun], Observation]]) -> Reported:
    """Move runs as they were seen. What was told first of a run that is recorded, or handed over, with it counts as that."""
    fresh, handed_over = set(batch.recorded), set(batch.attributed)
    changed = unchanged = unknown = 0
    for runs, observation in told:
        ids = {run.execution.id for run in runs}
        moves = [batch.move(run, observation) for run in runs]
        if not runs:
            unknown += 1
        elif not fresh & ids:
            is_news = any(moves) or handed_over & ids
            changed, unchanged = (changed + 1, unchanged) if is_news else (changed, unchanged + 1)
        fresh -= ids
        handed_over -= ids
    return Reported(len(batch.recorded), changed, unchanged, unknown)
