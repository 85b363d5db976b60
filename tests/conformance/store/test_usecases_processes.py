"""Which processes there are, what waits in the queues, and who runs code."""

from __future__ import annotations

from tests.conformance.store.engine_processes import REFUSAL, appear, appear_scheduler, appear_worker
from tests.conformance.store.engine_values import SUCCESS, at_once, definition

from task_server.domain.clock import SECOND
from task_server.domain.process import ProcessRole
from task_server.domain.retention import Retention
from task_server.domain.schedule import Schedule
from task_server.store import processes
from task_server.store.migrator import known_migrations
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.gauging import Gauging
from task_server.usecases.presence import Presence, this_process
from task_server.usecases.system_status import SystemStatuses
from task_server.usecases.tasks import Tasks


def seen(ports):
    with ports.database.read():
        return {process.name: process for process in processes.seen()}


def test_a_process_is_stored_as_it_is_and_renewed(ports, clock):
    began = clock.now
    presence = appear(
        ports,
        ProcessRole.WORKER,
        "w1",
        queues=("a", "b"),
        concurrency=3,
        isolation_level="process",
        isolation_layers=("rlimits", "uid"),
        code_refusal=REFUSAL,
    )
    later = clock.sleep(10)
    presence.beat()

    found = seen(ports)["w1"]
    assert (found.started_at, found.seen_at) == (began, later)
    assert (found.queues, found.concurrency) == (("a", "b"), 3)
    assert (found.isolation_level, found.isolation_layers) == ("process", ("rlimits", "uid"))
    assert found.code_refusal == REFUSAL
    assert (found.role, found.pid) == (ProcessRole.WORKER, this_process(ProcessRole.WORKER).pid)
    presence.leave()
    assert seen(ports) == {}


def test_what_another_of_the_same_name_said_is_over(ports, clock):
    appear_worker(ports, refusal=REFUSAL)
    began = clock.sleep(100)
    appear_worker(ports)
    assert (seen(ports)["w1"].code_refusal, seen(ports)["w1"].started_at) == ("", began)


def test_a_row_that_was_cleaned_comes_back(ports):
    presence = appear_worker(ports)
    presence.leave()
    presence.beat()
    assert list(seen(ports)) == ["w1"]


def test_processes_that_appear_at_once_are_all_seen(ports):
    names = [f"w{number}" for number in range(8)]
    at_once(ports.database, 8, lambda: appear_worker(ports, names.pop()))
    assert len(seen(ports)) == 8


def test_the_thread_says_so_at_once_and_takes_it_back(ports):
    presence = Presence(ports.database, this_process(ProcessRole.SERVER))
    presence.start()
    while not seen(ports):
        pass
    presence.close()
    assert seen(ports) == {}


def test_one_that_ended_without_a_word_is_shown_for_an_hour(ports, clock):
    appear_worker(ports, "gone")
    clock.sleep(3590)
    appear_worker(ports, "here")
    cleaning = Cleaning(ports, Retention())

    assert sum(cleaning.processes()) == 0
    status = SystemStatuses(ports.database).get()
    assert [(process.name, process.is_live(status.now)) for process in status.processes] == [
        ("gone", False),
        ("here", True),
    ]
    clock.sleep(11)
    assert sum(cleaning.processes()) == 1
    assert list(seen(ports)) == ["here"]


def test_the_status_tells_processes_queues_and_versions(ports, caller, running, clock):
    appear_scheduler(ports)
    appear_worker(ports, queues=("default", "idle"))
    views = [Tasks(ports).create(caller, definition()) for _ in range(3)]
    Tasks(ports).create(caller, definition(queue="lonely"))
    Tasks(ports).create(caller, definition(queue="later", schedule=Schedule(delay_seconds=60.0)))
    running.claim(views[0].last_execution.id, "w1")
    claim = running.claim(views[1].last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)

    status = SystemStatuses(ports.database).get()

    assert [process.role.value for process in status.processes] == ["scheduler", "worker"]
    assert status.queues == {"default": (1, 1), "idle": (0, 0), "lonely": (1, 0)}
    assert status.schema_version == known_migrations()[-1].version
    assert status.now == clock.now


def test_code_runs_while_a_worker_lives_that_runs_it(ports, clock):
    statuses = SystemStatuses(ports.database)
    assert not statuses.runs_code()
    appear_scheduler(ports)
    appear_worker(ports, refusal=REFUSAL)
    assert not statuses.runs_code()
    appear_worker(ports, "w2")
    assert statuses.runs_code()
    clock.now += 36 * SECOND
    assert not statuses.runs_code()


def test_the_metrics_name_no_queue_that_a_caller_made_up(ports, caller, running):
    appear_scheduler(ports)
    appear_worker(ports)
    appear_worker(ports, "w2", refusal=REFUSAL, queues=("calls",))
    views = [Tasks(ports).create(caller, definition(queue=queue)) for queue in ("default", "default", "made-up", "too")]
    running.claim(views[0].last_execution.id, "w1")

    told = {reading.name: dict(reading.values) for reading in Gauging(ports.database).readings()}

    assert told == {
        "queue_waiting": {("calls",): 0, ("default",): 1, ("(unserved)",): 2},
        "queue_running": {("calls",): 0, ("default",): 1, ("(unserved)",): 0},
        "processes": {("scheduler",): 1, ("worker",): 2},
        "workers_refusing_code": {(): 1},
    }
