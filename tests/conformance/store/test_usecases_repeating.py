"""Requests that come twice, on both databases: what makes executions makes none again, and answers with those of then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import at_once, definition
from tests.conformance.store.test_usecases_cleaning import DAY, KEEP, clean
from tests.conformance.store.test_usecases_rerunning import count, ended

from task_server.domain.audit import AuditFilter
from task_server.domain.errors import QuotaExceeded, RequestIdReused, TaskEnded, TaskNotFound
from task_server.domain.execution import Execution
from task_server.domain.listing import ExecutionFilter
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.repeatable import ALWAYS, Repeatable
from task_server.domain.retention import Retention
from task_server.store import requests
from task_server.store.tables.executions import AttemptRow, ExecutionRow
from task_server.store.tables.requests import ExecutedRequestRow
from task_server.usecases import repeating
from task_server.usecases.auditing import Auditing
from task_server.usecases.limits import Limits
from task_server.usecases.rerunning import Rerunning
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

ONE = Repeatable("one", "of one")


def run(ports, caller, view, request) -> list[Execution]:
    return [Tasks(ports).run(caller, view.task.task_id, request).last_execution]


def rerun_of_task(ports, caller, view, request) -> list[Execution]:
    past = view.last_execution.id
    return [Rerunning(ports).rerun_of_task(caller, view.task.task_id, past, request).last_execution]


def rerun(ports, caller, view, request) -> list[Execution]:
    use = Rerunning(ports)
    if (before := use.made_before(caller, request)) is not None:
        return before.executions
    return use.rerun(caller, use.named(caller, [view.last_execution.id]), request).executions


MAKERS = pytest.mark.parametrize("make", [run, rerun_of_task, rerun], ids=lambda make: make.__name__)


@MAKERS
def test_the_same_request_makes_one_and_announces_it_once(ports, caller, running, publisher, make):
    view = ended(ports, caller, running)
    before, published = count(ports), len(publisher.messages)
    first = make(ports, caller, view, ONE)
    audited = len(Auditing(ports.database).page(AuditFilter(), "", 100)[0])
    assert make(ports, caller, view, ONE) == first
    assert count(ports) == before + 1
    assert [each.execution_id for each in publisher.messages[published:]] == [first[0].id]
    assert len(Auditing(ports.database).page(AuditFilter(), "", 100)[0]) == audited
    # Without an id, and with another one, it is another request.
    made = {
        run.id
        for request in (ALWAYS, ALWAYS, replace(ONE, request_id="two"))
        for run in make(ports, caller, view, request)
    }
    assert len(made) == 3
    assert count(ports) == before + 4


@MAKERS
def test_it_answers_with_what_became_of_it_whatever_has_changed_since(ports, caller, running, make):
    view = ended(ports, caller, running)
    (first,) = make(ports, caller, view, ONE)
    claim = running.claim(first.id, "w1")
    assert [each.status for each in make(ports, caller, view, ONE)] == ["STARTED"]
    Stopping(ports).stop(caller, view.task.task_id)
    for request in (ONE, ALWAYS):
        if request is ALWAYS:
            with pytest.raises(TaskEnded):
                make(ports, caller, view, request)
        else:
            assert [each.id for each in make(ports, caller, view, request)] == [first.id]
    Tasks(ports).delete(caller, view.task.task_id)
    assert [each.attempt for each in make(ports, caller, view, ONE)] == [claim.attempt]
    # Once the execution is gone nobody can tell of it, and still none is made.
    with ports.database.write():
        AttemptRow.delete().execute()
        ExecutionRow.delete().where(ExecutionRow.id == first.id).execute()
    left = count(ports)
    assert make(ports, caller, view, ONE) in ([], [None])
    assert count(ports) == left


@MAKERS
def test_its_id_with_something_else_is_refused_and_makes_nothing(ports, caller, running, make):
    view = ended(ports, caller, running)
    make(ports, caller, view, ONE)
    before = count(ports)
    for other in (run, rerun_of_task, rerun):
        with pytest.raises(RequestIdReused) as caught:
            other(ports, caller, view, replace(ONE, digest="of another"))
        assert caught.value.metadata == {"request_id": "one"}
    assert count(ports) == before


@MAKERS
def test_each_user_has_ids_of_their_own(ports, caller, admin, stranger, running, make):
    view = ended(ports, caller, running)
    made = {run.id for who in (caller, admin) for run in make(ports, who, view, ONE)}
    assert len(made) == 2
    # An id that somebody else has used opens nothing.
    if make is not rerun:
        with pytest.raises(TaskNotFound):
            make(ports, stranger, view, ONE)


def test_who_sees_the_task_no_more_is_told_nothing_of_what_they_made(ports, caller, admin, running):
    view = ended(ports, caller, running)
    run(ports, admin, view, ONE)
    rerun(ports, admin, view, replace(ONE, request_id="two"))
    former = replace(admin, role=caller.role)
    with pytest.raises(TaskNotFound):
        run(ports, former, view, ONE)
    done = Rerunning(ports).made_before(former, replace(ONE, request_id="two"))
    assert (done.executions, done.made) == ([], 1)


@MAKERS
def test_where_the_first_one_took_the_last_place_the_second_is_answered_all_the_same(ports, caller, running, make):
    view = ended(ports, caller, running)
    few = replace(ports, limits=Limits(quotas=Quotas(Quota(queued=1))))
    first = make(few, caller, view, ONE)
    assert make(few, caller, view, ONE) == first
    with pytest.raises(QuotaExceeded):
        make(few, caller, view, ALWAYS)


def test_by_a_filter_it_means_what_it_meant_then(ports, caller, running):
    views = [ended(ports, caller, running, module="m") for _ in range(3)]
    use, wanted = Rerunning(ports), ExecutionFilter(owner_id=caller.owner.id, module="m")
    first = use.rerun(caller, use.matching(wanted), ONE)
    assert [run.rerun_of for run in first.executions] == [view.last_execution.id for view in views]
    late = use.matching(wanted)
    ended(ports, caller, running, module="m")
    assert use.rerun(caller, late[:1], ONE) == use.made_before(caller, ONE) == first
    none = replace(ONE, request_id="none")
    assert use.rerun(caller, [], none) == use.made_before(caller, none) == ([], 0)


@MAKERS
def test_two_at_once_make_one(ports, caller, running, database, make):
    view = ended(ports, caller, running)
    before = count(ports)
    made = at_once(database, 4, lambda: make(ports, caller, view, ONE))
    assert len({tuple(run.id for run in runs) for runs in made}) == 1
    assert count(ports) == before + 1


def test_two_at_once_that_lock_other_tasks_make_what_the_faster_one_makes(
    ports, caller, running, database, monkeypatch
):
    views = [ended(ports, caller, running) for _ in range(4)]
    before, use = count(ports), Rerunning(ports)
    # A filter of which more match by now. Neither sees the other one, whoever looks first.
    monkeypatch.setattr(Rerunning, "made_before", lambda *_: None)
    shares = iter([views[:2], views[2:]])

    def again():
        past = use.named(caller, [view.last_execution.id for view in next(shares)])
        return use.rerun(caller, past, ONE)

    first, second = at_once(database, 2, again)
    assert first == second
    assert count(ports) == before + 2


def test_the_slower_one_of_two_that_do_not_see_each_other_begins_anew(ports, caller, running, monkeypatch):
    view = ended(ports, caller, running)
    use, find, looks = Tasks(ports), requests.find, []
    (first,) = run(ports, caller, view, ONE)
    before = count(ports)

    def blind(*key):
        looks.append(key)
        return None if len(looks) == 1 else find(*key)

    monkeypatch.setattr(requests, "find", blind)
    assert use.run(caller, view.task.task_id, ONE).last_execution.id == first.id
    assert (count(ports), len(looks)) == (before, 2)


@MAKERS
def test_it_dies_before_the_commit_and_the_next_one_makes_it_or_after_and_none_does(
    ports, caller, running, monkeypatch, make
):
    view = ended(ports, caller, running)
    before = count(ports)
    remember = repeating.remember

    def die(*arguments):
        remember(*arguments)
        raise SystemExit

    monkeypatch.setattr(repeating, "remember", die)
    with pytest.raises(SystemExit):
        make(ports, caller, view, ONE)
    monkeypatch.undo()
    assert count(ports) == before
    assert ExecutedRequestRow.select().count() == 0

    def die_after(*_):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(type(ports), "announce", die_after)
        make(ports, caller, view, ONE)
    assert count(ports) == before + 1
    (made,) = make(ports, caller, view, ONE)
    assert count(ports) == before + 1
    assert running.claim(made.id, "w1") is not None


def test_it_is_forgotten_with_what_was_made_then(ports, caller, clock):
    view = Tasks(ports).create(caller, definition())
    run(ports, caller, view, ONE)
    clock.now += 29 * DAY
    run(ports, caller, view, replace(ONE, request_id="later"))
    clean(ports, KEEP)
    assert ExecutedRequestRow.select().count() == 2
    clock.now += 2 * DAY
    clean(ports, Retention())
    assert ExecutedRequestRow.select().count() == 2
    clean(ports, KEEP)
    assert [row.request_id for row in ExecutedRequestRow.select()] == ["later"]
