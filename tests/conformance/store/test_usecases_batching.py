"""Making many tasks at once: all or none, each request id once, one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition

from task_server.domain.audit import AuditFilter
from task_server.domain.errors import InvalidFields, QuotaExceeded, RequestIdReused
from task_server.domain.listing import TaskFilter
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.schedule import Schedule
from task_server.domain.status import TaskStatus
from task_server.sealing.given_secrets import NO_SECRETS
from task_server.store import tasks
from task_server.usecases.auditing import Auditing
from task_server.usecases.batching import Batching, NewTask
from task_server.usecases.limits import Limits
from task_server.usecases.tasks import Tasks


def wanted(request_id="", digest="d", **changes):
    return NewTask(definition(**changes), request_id, digest, NO_SECRETS)


def names(ports) -> list[str]:
    with ports.database.read():
        return sorted(task.definition.name for task in tasks.page(TaskFilter(), "", 1000))


def test_many_are_made_as_one_is(ports, caller, running, publisher, rings):
    kinds = (
        wanted(name="a", request_id="r1"),
        wanted(name="b", schedule=Schedule(delay_seconds=3600)),
        wanted(name="c", schedule=Schedule(cron_expression="0 0 1 1 *")),
        wanted(name="d"),
    )
    views = Batching(ports).create(caller, kinds)

    assert [view.task.definition.name for view in views] == ["a", "b", "c", "d"]
    assert rings
    soon = [views[0], views[3]]
    assert sorted(publisher.messages) == sorted((view.last_execution.id, "default") for view in soon)
    for view in views:
        shown = Tasks(ports).get(caller, view.task.task_id, full=False)
        assert (shown.task, shown.last_execution) == (view.task, view.last_execution)
        assert view.position is not None
    statuses = [view.task.status for view in views]
    assert statuses == [TaskStatus.PENDING, TaskStatus.SCHEDULED, TaskStatus.SCHEDULED, TaskStatus.PENDING]
    noted, _ = Auditing(ports.database).page(AuditFilter(), "", 9)
    assert {event.resource_id for event in noted} == {view.task.task_id for view in views}
    claim = running.claim(views[3].last_execution.id, "w1")
    assert running.finish(claim.execution_id, 1, SUCCESS)


def test_a_repeated_batch_answers_with_the_tasks_of_the_first(ports, caller, stranger):
    use = Batching(ports)
    single = Tasks(ports).create(caller, definition(name="z"), "r0", "d")
    first = use.create(caller, [wanted("r2", name="b"), wanted("r1", name="a"), wanted(name="n")])
    # Some of it came before, in whatever call.
    second = use.create(caller, [wanted("r1", name="a"), wanted("r0", name="z"), wanted("r3", name="c"), wanted("r2")])

    assert [view.task for view in second[:2]] == [first[1].task, single.task]
    assert second[3].task == first[0].task
    assert second[0].last_execution == first[1].last_execution
    assert names(ports) == ["a", "b", "c", "n", "z"]
    # Others' request ids are their own.
    assert use.create(stranger, [wanted("r1", name="theirs")])[0].task.owner == stranger.owner


def test_all_are_made_or_none(ports, caller):
    use = Batching(ports)
    use.create(caller, [wanted("r1", name="a")])
    with pytest.raises(RequestIdReused):
        use.create(caller, [wanted("r2", name="b"), wanted("r1", digest="other")])
    over = Schedule(cron_expression="0 0 1 1 *", end_at=1)
    with pytest.raises(InvalidFields) as refused:
        use.create(caller, [wanted(name="b"), wanted(name="c", schedule=over)])
    assert [violation.field for violation in refused.value.violations] == ["requests[1].task.end_at"]
    assert names(ports) == ["a"]


@pytest.mark.parametrize(
    ("quota", "fits"),
    [
        (Quota(tasks=3), 3),
        (Quota(queued=2), 3),
        (Quota(schedules=1), 3),
        (Quota(source_bytes=1500), 2),
    ],
    ids=["tasks", "queued", "schedules", "source_bytes"],
)
def test_a_batch_beyond_a_quota_is_refused_as_a_whole(ports, caller, quota, fits):
    use = Batching(replace(ports, limits=Limits(quotas=Quotas(quota))))
    cron = Schedule(cron_expression="0 0 1 1 *")
    kinds = [wanted("r0", name="a"), wanted("r1", name="b"), wanted("r2", name="c", schedule=cron)]
    over = [*kinds, wanted("r3", name="d"), wanted("r4", name="e", schedule=cron)]
    with pytest.raises(QuotaExceeded):
        use.create(caller, over)
    assert names(ports) == []
    made = use.create(caller, kinds[:fits])
    # There is no room for them now, and they need none.
    assert [view.task for view in use.create(caller, kinds[:fits])] == [view.task for view in made]


def test_the_same_batch_from_several_at_once_makes_each_task_once(ports, caller):
    batch = [wanted(f"r{number}", name=f"n{number}") for number in range(20)]
    orders = iter([batch, batch[::-1], batch[10:] + batch[:10]])

    made = at_once(ports.database, 3, lambda: Batching(ports).create(caller, next(orders)))

    assert len(names(ports)) == 20
    by_name = [{view.task.definition.name: view.task.task_id for view in views} for views in made]
    assert by_name[0] == by_name[1] == by_name[2]
