"""Ways to spoil what deadlines, updates, queues and stops of modules left behind, each with the invariant that must notice it."""

from __future__ import annotations

import sqlite3

from tests.faults.facts import Evidence
from tests.faults.item import NARROW_QUEUE
from tests.faults.module_stops import ModuleStop
from tests.faults.spoiling import PLAIN, Spoil, value
from tests.faults.updates import Update

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND


def _change(database: sqlite3.Connection, changes: str, execution_id: str = "") -> None:
    """Change columns of an execution, of an ordinary one unless it is named."""
    found = execution_id or value(database, PLAIN)
    database.execute(f"UPDATE execution SET {changes} WHERE id = ?", (found,))


def _run_of(database: sqlite3.Connection, kind: str) -> str:
    """An execution of a task of the kind, one that began if any did."""
    return str(
        value(
            database,
            "SELECT execution.id FROM execution JOIN task ON task.task_id = parent_task WHERE task.name LIKE ? || '-%' "
            "ORDER BY attempt = 0, execution.id",
            kind,
        )
    )


def _update_all(evidence: Evidence, *updates: Update) -> None:
    for made in evidence.made:
        made.updates[:] = updates


def give_a_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "deadline_at = due_at + 3600000000")


def forget_a_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "deadline_at = NULL", value(database, "SELECT id FROM execution WHERE deadline_at > 0"))


def begin_after_the_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "deadline_at = due_at")


def end_by_no_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "failure_reason = 'DEADLINE_EXCEEDED'")


def end_before_the_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, f"failure_reason = 'DEADLINE_EXCEEDED', deadline_at = finished_at + {_HOUR}")


def end_long_after_the_deadline(database: sqlite3.Connection, _: Evidence) -> None:
    changes = f"failure_reason = 'DEADLINE_EXCEEDED', deadline_at = finished_at, finished_at = finished_at + {_HOUR}"
    _change(database, changes)


def fail_late_for_another_reason(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "status = 'FAILURE', failure_reason = 'EXCEPTION', deadline_at = finished_at")


def give_up_with_time_left(database: sqlite3.Connection, _: Evidence) -> None:
    changes = f"failure_reason = 'EXCEPTION', deadline_at = finished_at + {_HOUR}"
    _change(database, changes, _run_of(database, "retried-until-its-deadline"))


def mix_a_result(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "status = 'SUCCESS', result = '[0, 1]'", _run_of(database, "updated"))


def mix_arguments(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "metadata = '{\"version\": 7}'", _run_of(database, "updated"))


def mix_a_definition(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(
        "UPDATE task SET definition = json_set(definition, '$.metadata.version', 7) WHERE name LIKE 'updated-%'"
    )


def mix_a_queue(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "queue = CASE queue WHEN 'narrow' THEN 'default' ELSE 'narrow' END", _run_of(database, "moved"))


def mix_a_time(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "due_at = due_at - 1", _run_of(database, "moved"))


def fail_as_no_version_does(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "status = 'FAILURE', failure_reason = 'EXCEPTION'", _run_of(database, "updated"))


def update_unasked(database: sqlite3.Connection, evidence: Evidence) -> None:
    _update_all(evidence)
    changes = "task_args = '[1]', metadata = '{\"version\": 1}', result = '[1, 1]'"
    _change(database, changes, _run_of(database, "updated"))


def run_what_was_replaced(database: sqlite3.Connection, evidence: Evidence) -> None:
    _update_all(evidence, Update(version=1, began=1.0, ended=2.0, etag="2"))
    changes = "task_args = '[0]', metadata = '{\"version\": 0}', result = '[0, 0]'"
    _change(database, changes, _run_of(database, "updated"))


def lose_an_update(_: sqlite3.Connection, evidence: Evidence) -> None:
    _update_all(evidence, Update(version=3, began=1.0, ended=2.0, etag="2"))


def undo_an_update(_: sqlite3.Connection, evidence: Evidence) -> None:
    other = Update(version=1, began=1.0, ended=4.0, etag="5")
    _update_all(evidence, Update(version=2, began=2.0, ended=3.0, base="2", etag="9"), other)


def fire_by_other_times(database: sqlite3.Connection, evidence: Evidence) -> None:
    """The update is said to have come when the task was made, unless it was then nearly."""
    name, created = database.execute("SELECT name, created_at FROM task WHERE name LIKE 'rescheduled-%'").fetchone()
    made = next(made for made in evidence.made if made.key == name)
    later = 3600.0 if any(update.etag for update in made.updates) else 0.0
    when = created / _SECOND + later
    made.updates[:] = [Update(version=1, began=when, ended=when, etag="2")]


def run_elsewhere(database: sqlite3.Connection, evidence: Evidence) -> None:
    found = value(database, PLAIN)
    narrow = next(pid for pid, queues in evidence.queues.items() if queues == [NARROW_QUEUE])
    database.execute("UPDATE attempt SET worker = 'worker@x:' || ? WHERE execution_id = ?", (narrow, found))


def put_into_another_queue(database: sqlite3.Connection, _: Evidence) -> None:
    _change(database, "queue = 'narrow'")


def _stop(evidence: Evidence) -> ModuleStop:
    """A stop of a module that was answered, at its first call."""
    found = next(stop for stop in evidence.module_stops if stop.ended)
    found.unknown = 0
    return found


def leave_one_of_a_module(database: sqlite3.Connection, evidence: Evidence) -> None:
    stop = _stop(evidence)
    task_id = value(database, "SELECT task_id FROM task WHERE name = ?", stop.known_to_stop[0])
    database.execute("UPDATE task SET stopped_at = NULL WHERE task_id = ?", (task_id,))
    database.execute(
        "UPDATE execution SET finished_at = ? WHERE parent_task = ?", (stop.ended * _SECOND + _HOUR, task_id)
    )


def count_one_too_many(_: sqlite3.Connection, evidence: Evidence) -> None:
    _stop(evidence).stopped += 1


def count_one_too_few(database: sqlite3.Connection, evidence: Evidence) -> None:
    stop = _stop(evidence)
    stop.stopped = 0
    database.execute("UPDATE task SET stopped_at = ? WHERE module = ?", (stop.ended * _SECOND, stop.module))


def stop_what_came_later(database: sqlite3.Connection, evidence: Evidence) -> None:
    stop = _stop(evidence)
    when = stop.ended * _SECOND + _HOUR
    database.execute("UPDATE task SET created_at = ?, stopped_at = ? WHERE module = ?", (when, when, stop.module))


def miscount_what_is_there(_: sqlite3.Connection, evidence: Evidence) -> None:
    _stop(evidence).count = 1000


def count_nothing(database: sqlite3.Connection, evidence: Evidence) -> None:
    stop = _stop(evidence)
    stop.count = 0
    stop.known_to_count = stop.known_to_stop
    database.execute("UPDATE execution SET finished_at = ?", (stop.ended * _SECOND + _HOUR,))


def stop_by_counting(database: sqlite3.Connection, evidence: Evidence) -> None:
    stop = _stop(evidence)
    database.execute("UPDATE task SET stopped_at = ? WHERE module = ?", (stop.began * _SECOND - 1, stop.module))


def call_while_called(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.injections.clear()
    call = next(call for call in reversed(evidence.calls) if call.key.startswith("long-call-"))
    evidence.calls.append(call._replace(at=call.over - 1.0))


TAMPERINGS: list[tuple[Spoil, str]] = [
    (give_a_deadline, "deadlines are as asked"),
    (forget_a_deadline, "deadlines are as asked"),
    (begin_after_the_deadline, "deadlines end what is late"),
    (end_by_no_deadline, "deadlines end what is late"),
    (end_before_the_deadline, "deadlines end what is late"),
    (end_long_after_the_deadline, "deadlines end what is late"),
    (fail_late_for_another_reason, "deadlines end what is late"),
    (give_up_with_time_left, "deadlines cut retries that come late"),
    (mix_a_result, "updates are whole"),
    (mix_arguments, "updates are whole"),
    (mix_a_definition, "updates are whole"),
    (mix_a_queue, "updates are whole"),
    (mix_a_time, "updates are whole"),
    (fail_as_no_version_does, "updates are whole"),
    (update_unasked, "updates hold at once"),
    (run_what_was_replaced, "updates hold at once"),
    (lose_an_update, "updates hold at once"),
    (undo_an_update, "etags keep updates apart"),
    (fire_by_other_times, "schedules fire as written"),
    (run_elsewhere, "runs stay in their queues"),
    (put_into_another_queue, "runs stay in their queues"),
    (leave_one_of_a_module, "module stops are whole"),
    (count_one_too_many, "module stops are whole"),
    (count_one_too_few, "module stops are whole"),
    (stop_what_came_later, "module stops are whole"),
    (call_while_called, "nothing runs twice at once"),
    (miscount_what_is_there, "counting stops nothing"),
    (count_nothing, "counting stops nothing"),
    (stop_by_counting, "counting stops nothing"),
]
