"""Stopping by filter: in batches, each for itself, and none twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.conformance.store.engine_values import SUCCESS, at_once, definition, status

from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.schedule import Schedule
from task_server.domain.status import TaskStatus
from task_server.store import executions, tasks
from task_server.usecases import stopping
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

CALLER = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")


def every(ports, owner_id="ann", **fields) -> int:
    """Stop all that match, as StopTasks does; give how many."""
    use, count, after_id = Stopping(ports), 0, ""
    last_id = use.newest_id()
    while True:
        some = use.stop_some(CALLER, TaskFilter(owner_id=owner_id, **fields), after_id, last_id)
        count, after_id = count + some.stopped, some.last_id
        if not after_id:
            return count


def test_a_stop_by_filter_ends_what_matches_and_has_not_ended(ports, caller, stranger, running):
    created = Tasks(ports).create
    waits = created(caller, definition(module="m"))
    runs = created(caller, definition(module="m"))
    cron = created(caller, definition(module="m", schedule=Schedule(cron_expression="0 0 1 1 *")))
    done, stopping_already = created(caller, definition(module="m")), created(caller, definition(module="m"))
    for view in (runs, done, stopping_already):
        running.claim(view.last_execution.id, "w1")
    others = created(caller, definition()), created(stranger, definition(module="m"))
    running.finish(done.last_execution.id, 1, SUCCESS)
    Stopping(ports).stop(caller, stopping_already.task.task_id)
    wanted = TaskFilter(owner_id="ann", module="m")
    rings = []
    assert Stopping(ports).count(wanted) == 3
    assert status(ports, caller, waits.task.task_id) is TaskStatus.PENDING

    with ports.bell.listen(stopping.Topic.STOP, rings.append):
        assert every(ports, module="m") == 3

    assert rings == [runs.last_execution.id]
    assert running.to_stop([runs.last_execution.id]) == {runs.last_execution.id}
    ends = {view.task.task_id: status(ports, caller, view.task.task_id) for view in (waits, runs, cron, done)}
    assert list(ends.values()) == [TaskStatus.REVOKED, TaskStatus.STARTED, TaskStatus.REVOKED, TaskStatus.SUCCESS]
    assert status(ports, caller, others[0].task.task_id) is TaskStatus.PENDING
    assert status(ports, stranger, others[1].task.task_id) is TaskStatus.PENDING
    # Again: what is being stopped is not counted twice.
    assert (every(ports, module="m"), Stopping(ports).count(wanted)) == (0, 0)
    assert every(ports, owner_id=None) == 2


def test_a_stop_by_filter_goes_in_batches_and_on_where_it_was_left(ports, caller, monkeypatch):
    monkeypatch.setattr(stopping, "_BATCH", 3)
    made = [Tasks(ports).create(caller, definition()).task.task_id for _ in range(8)]
    wanted, last_id = TaskFilter(owner_id="ann"), Stopping(ports).newest_id()

    assert Stopping(ports).stop_some(CALLER, wanted, "", last_id) == (3, made[2])
    assert [status(ports, caller, task_id) is TaskStatus.REVOKED for task_id in made] == [True] * 3 + [False] * 5
    later = Tasks(ports).create(caller, definition()).task.task_id

    # Whoever called it went away; somebody does it again.
    assert every(ports, module="") == 6
    assert status(ports, caller, later) is TaskStatus.REVOKED
    made.append(later)

    later = Tasks(ports).create(caller, definition()).task.task_id
    assert Stopping(ports).stop_some(CALLER, wanted, "", made[-1]) == (0, "")
    assert status(ports, caller, later) is TaskStatus.PENDING


def test_two_stops_by_filter_at_once_count_each_task_once(ports, caller, monkeypatch):
    monkeypatch.setattr(stopping, "_BATCH", 5)
    for _ in range(40):
        Tasks(ports).create(caller, definition())

    assert sum(at_once(ports.database, 3, lambda: every(ports))) == 40
    with ports.database.read():
        assert tasks.count(TaskFilter(status=TaskStatus.REVOKED)) == 40
        assert executions.next_publish() is None


def test_whoever_looks_for_what_to_stop_keeps_nobody_from_writing(ports, caller, stranger, monkeypatch):
    made = [Tasks(ports).create(caller, definition()).task.task_id for _ in range(2)]
    look = tasks.to_stop

    def look_long(*args):
        found = look(*args)
        # Others write meanwhile, and one of those that were found is stopped by somebody else.
        with ThreadPoolExecutor(1) as others:
            others.submit(Tasks(ports).create, stranger, definition()).result(20)
            others.submit(Stopping(ports).stop, caller, made[0]).result(20)
            others.submit(ports.database.close).result(20)
        return found

    monkeypatch.setattr(tasks, "to_stop", look_long)
    assert Stopping(ports).stop_some(CALLER, TaskFilter(owner_id="ann"), "", made[-1]) == (1, "")
    assert {status(ports, caller, task_id) for task_id in made} == {TaskStatus.REVOKED}
