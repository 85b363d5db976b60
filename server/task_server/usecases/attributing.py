"""Whose the runs of a batch are, and what they are: `domain.attribution` has the rule."""

from __future__ import annotations

from collections.abc import Iterable

from task_server.domain.attribution import as_told, distance, handed_over, may_name_owner, namer, registered
from task_server.domain.observation import Observation, Source
from task_server.domain.owner import Caller
from task_server.domain.registration import Registration
from task_server.domain.report import Report
from task_server.domain.status import ExecutionStatus
from task_server.store.tracked import TrackedRun
from task_server.usecases import auditing
from task_server.usecases.run_batch import RunBatch


def meant(batch: RunBatch, caller: Caller, report: Report) -> list[TrackedRun]:
    """The run that a report is of, if there is one: that of the user whom it names, else the caller's nearest.

    While a named user has no room for it, it is still the run whose owner is assumed.
    """
    if report.is_named:
        return batch.of(report.task_id, report.owner.id) or _assumed(batch, caller, report.task_id)
    return _nearest(caller, batch.under(report.task_id))


def unattributed(batch: RunBatch, caller: Caller, reports: Iterable[Report]) -> list[Report]:
    """The reports whose run is to be handed over to the user whom they name, or to be recorded; one of each run.

    What names nobody is recorded only where nobody has the run, nor is named by another report.
    """
    named: dict[tuple[str, str], Report] = {}
    unnamed: dict[str, Report] = {}
    for each in reports:
        if not each.is_named:
            if each.registration and not meant(batch, caller, each):
                unnamed.setdefault(each.task_id, each)
        elif not batch.of(each.task_id, each.owner.id) and (each.registration or _assumed(batch, caller, each.task_id)):
            named.setdefault((each.task_id, each.owner.id), each)
    of_users = {task_id for task_id, _ in named}
    return [*named.values(), *(each for task_id, each in unnamed.items() if task_id not in of_users)]


def attribute(batch: RunBatch, caller: Caller, report: Report) -> None:
    """Hand the run of such a report over, or record it."""
    assumed = _assumed(batch, caller, report.task_id) if report.is_named else []
    named_by = namer(caller, is_named=report.is_named)
    if assumed:
        batch.attribute(assumed[0], handed_over(assumed[0].execution, report.owner, named_by))
    elif report.registration:
        batch.record(as_told(report.registration, named_by, batch.now), report.registration)


def register(batch: RunBatch, caller: Caller, registration: Registration) -> None:
    """Have a registered run recorded: its own row, one whose owner was assumed until now, or a new one."""
    own = batch.of(registration.task_id, registration.owner.id)
    found = own or _assumed(batch, caller, registration.task_id)
    if not found:
        batch.record(registration.execution(batch.now, caller.owner.id), registration)
        return
    (run,) = found
    if run.execution.is_registered:
        return
    known = run.execution
    if known.named_by == "":
        known = handed_over(known, registration.owner, caller.owner.id)
    batch.attribute(run, registered(known, registration), registration)
    if registration.status is not ExecutionStatus.PENDING:
        batch.move(run, Observation(status=registration.status, source=Source.PUBLISH, retries=0))


def note(caller: Caller, batch: RunBatch) -> None:
    """Add what became somebody else's, or something else, to the audit log."""
    if former := batch.former_owners:
        now_of = [batch.attributed[each].execution.owner.id for each in former]
        detail = f"of {auditing.users(now_of)}, before of {auditing.users(former.values())}"
        auditing.note_many(caller, list(former), batch.now, detail)
    if others := [each for each in batch.attributed if each not in former]:
        auditing.note_many(caller, others, batch.now)


def _assumed(batch: RunBatch, caller: Caller, task_id: str) -> list[TrackedRun]:
    return _nearest(caller, [run for run in batch.under(task_id) if may_name_owner(caller, run.execution)])


def _nearest(caller: Caller, runs: Iterable[TrackedRun]) -> list[TrackedRun]:
    """The run that is nearest to the caller, if there is one; of two that are as near the one that was recorded first."""
    near = [(far, run) for run in runs if (far := distance(caller, run.execution)) is not None]
    return [min(near, key=lambda each: each[0])[1]] if near else []
