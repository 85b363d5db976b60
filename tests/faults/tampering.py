"""Ways to spoil the database and the evidence of a good run, each with the invariant that must notice it.

Those of deadlines, updates, queues and stops of modules are in `tampering_of_changes.py`.
"""

from __future__ import annotations

import sqlite3

from tests.faults.facts import Evidence
from tests.faults.process import Mishap
from tests.faults.spoiling import PLAIN, Spoil, copy_row, value

_EVENT = 'type, task_id, owner_id, payload, occurred_at, "transaction"'


def _firing(database: sqlite3.Connection) -> str:
    """A firing that has earlier and later ones."""
    return str(
        value(
            database,
            "SELECT id FROM execution AS run WHERE EXISTS (SELECT 1 FROM execution WHERE parent_task = run.parent_task "
            "AND scheduled_for < run.scheduled_for) AND EXISTS (SELECT 1 FROM execution WHERE "
            "parent_task = run.parent_task AND scheduled_for > run.scheduled_for)",
        )
    )


def _end_of(database: sqlite3.Connection) -> int:
    """The event of an ordinary run's end."""
    found = value(database, PLAIN)
    return int(value(database, "SELECT MAX(number) FROM event WHERE payload LIKE '%' || ? || '%'", found))


def lose_a_task(database: sqlite3.Connection, _: Evidence) -> None:
    task_id = value(database, f"SELECT parent_task FROM execution WHERE id IN ({PLAIN})")
    database.execute("DELETE FROM task WHERE task_id = ?", (task_id,))
    database.execute("DELETE FROM execution WHERE parent_task = ?", (task_id,))


def double_a_task(database: sqlite3.Connection, _: Evidence) -> None:
    task_id = value(database, f"SELECT parent_task FROM execution WHERE id IN ({PLAIN})")
    copy_row(database, "task", "task_id", task_id, task_id="copy", request_id=None)


def answer_a_repeat_with_another_task(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.made[0].repeats.append("another")


def lose_an_execution(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("DELETE FROM execution WHERE id = ?", (value(database, PLAIN),))


def double_an_execution(database: sqlite3.Connection, _: Evidence) -> None:
    copy_row(database, "execution", "id", value(database, PLAIN), id="copy", task_id="copy")


def leave_an_execution_waiting(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution SET status = 'PENDING' WHERE id = ?", (value(database, PLAIN),))


def leave_a_task_waiting(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE task SET status = 'SCHEDULED' WHERE task_id = (SELECT MAX(task_id) FROM task)")


def end_twice(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(f"INSERT INTO event ({_EVENT}) SELECT {_EVENT} FROM event WHERE number = ?", (_end_of(database),))


def never_tell_the_end(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("DELETE FROM event WHERE number = ?", (_end_of(database),))


def go_on_after_the_end(database: sqlite3.Connection, _: Evidence) -> None:
    end = _end_of(database)
    database.execute(
        f"INSERT INTO event ({_EVENT}) SELECT {_EVENT} FROM event WHERE number < ? AND "
        "task_id = (SELECT task_id FROM event WHERE number = ?) ORDER BY number DESC LIMIT 1",
        (end, end),
    )


def skip_an_attempt(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE attempt SET number = 2 WHERE execution_id = ?", (value(database, PLAIN),))


def leave_an_attempt_open(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE attempt SET outcome = NULL WHERE execution_id = ?", (value(database, PLAIN),))


def decide_by_another_attempt(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE attempt SET outcome = 'FAILED' WHERE execution_id = ?", (value(database, PLAIN),))


def end_without_an_attempt(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("DELETE FROM attempt WHERE execution_id = ?", (value(database, PLAIN),))


def count_a_release_as_lost(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution SET lost_count = 1 WHERE id = ?", (value(database, PLAIN),))


def _add_an_attempt(database: sqlite3.Connection, outcome: str, *, begins: int, ends: int) -> None:
    """Before the one attempt of an ordinary run; times in seconds from its beginning."""
    found = value(database, PLAIN)
    began = value(database, "SELECT started_at FROM attempt WHERE execution_id = ?", found)
    database.execute("UPDATE attempt SET number = 2 WHERE execution_id = ?", (found,))
    database.execute("UPDATE execution SET attempt = 2, lost_count = 1 WHERE id = ?", (found,))
    error = "the worker was not heard of any more"
    times = {"started_at": began + begins * 1_000_000, "finished_at": began + ends * 1_000_000}
    copy_row(database, "attempt", "execution_id", found, number=1, outcome=outcome, error=error, **times)


def overlap_attempts(database: sqlite3.Connection, _: Evidence) -> None:
    _add_an_attempt(database, "LOST", begins=-100, ends=1)


def crowd_a_key(database: sqlite3.Connection, _: Evidence) -> None:
    """All its runs seem to have begun with the first of them."""
    keyed = "SELECT e.id FROM execution e JOIN task t ON t.task_id = e.parent_task WHERE t.name LIKE 'keyed-%'"
    database.execute(
        f"UPDATE attempt SET started_at = (SELECT MIN(started_at) FROM attempt) WHERE execution_id IN ({keyed})"
    )


def lose_a_lease_too_soon(database: sqlite3.Connection, _: Evidence) -> None:
    _add_an_attempt(database, "LOST", begins=-3, ends=-1)


def try_again_without_a_policy(database: sqlite3.Connection, _: Evidence) -> None:
    _add_an_attempt(database, "FAILED", begins=-3, ends=-1)


def try_again_too_soon(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(
        "UPDATE attempt SET started_at = (SELECT finished_at FROM attempt AS before WHERE before.execution_id = "
        "attempt.execution_id AND before.number = attempt.number - 1) WHERE number > 1 AND execution_id IN "
        "(SELECT execution.id FROM execution JOIN task ON task.task_id = execution.parent_task WHERE task.name LIKE 'busy-call-%')"
    )


def begin_early(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution SET due_at = due_at + 3600000000 WHERE id = ?", (value(database, PLAIN),))


def keep_a_lease(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution SET lease_until = 1 WHERE id = ?", (value(database, PLAIN),))


def change_a_result(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution SET result = '-1' WHERE id = ?", (value(database, PLAIN),))


def fail_without_a_reason(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(
        "UPDATE execution SET status = 'FAILURE', failure_reason = 'EXCEPTION' WHERE id = ?",
        (value(database, PLAIN),),
    )


def cut_a_log(database: sqlite3.Connection, _: Evidence) -> None:
    found = value(database, "SELECT execution_id FROM execution_log")
    database.execute("DELETE FROM execution_log WHERE execution_id = ?", (found,))


def change_a_log(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("UPDATE execution_log SET text = replace(text, 'line', 'lime')")


def lose_a_call(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.calls.remove(next(call for call in evidence.calls if call.key.startswith("call-")))


def double_a_call(_: sqlite3.Connection, evidence: Evidence) -> None:
    names = {call.key for call in evidence.calls if call.key.startswith("call-")}
    evidence.calls.extend([call for call in evidence.calls if call.key in names])


def call_what_never_began(_: sqlite3.Connection, evidence: Evidence) -> None:
    never = next(made.key for made in evidence.made if "NEVER_STARTED" in made.stopped.values())
    evidence.calls.append(evidence.calls[0]._replace(key=never))


def say_killed_of_what_succeeded(database: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.made[0].stopped[value(database, PLAIN)] = "KILLED"


def stop_unasked(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(
        "UPDATE task SET stopped_at = created_at - 1 WHERE task_id = "
        f"(SELECT parent_task FROM execution WHERE id = ({PLAIN} LIMIT 1))"
    )


def begin_after_a_stop(database: sqlite3.Connection, _: Evidence) -> None:
    task_id = value(database, "SELECT parent_task FROM execution WHERE id = ?", value(database, PLAIN))
    database.execute(
        "UPDATE event SET payload = json_set(payload, '$.task.stopped_at', 1) WHERE task_id = ? AND type = 'ADDED'",
        (task_id,),
    )


def leave_out_a_firing(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("DELETE FROM execution WHERE id = ?", (_firing(database),))


def miss_a_firing_that_no_policy_leaves_out(database: sqlite3.Connection, _: Evidence) -> None:
    found = value(database, "SELECT parent_task FROM execution WHERE id = ?", _firing(database))
    database.execute("UPDATE task SET missed_count = 1 WHERE task_id = ?", (found,))


def fire_more_often_than_allowed(_: sqlite3.Connection, evidence: Evidence) -> None:
    next(item for item in evidence.items if item.fields.get("max_runs")).fields["max_runs"] = 1


def fire_twice(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute("DROP INDEX execution_firing")
    copy_row(database, "execution", "id", _firing(database), id="copy", task_id="copy")


def fire_at_no_time(database: sqlite3.Connection, _: Evidence) -> None:
    copy_row(
        database,
        "execution",
        "id",
        (found := _firing(database)),
        id="copy",
        task_id="copy",
        scheduled_for=value(database, "SELECT scheduled_for + 1 FROM execution WHERE id = ?", found),
    )


def miss_a_change(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.seen.pop()


def see_a_change_twice(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.seen.append(evidence.seen[-1])


def see_changes_backwards(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.seen.reverse()


def tell_of_a_mishap(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.mishaps.append(Mishap("worker-0", "ended by itself"))


def log_an_error(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.log_lines.append("worker-0: Traceback")


def answer_with_a_defect(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.defects.append("INTERNAL")


def count_an_execution_twice(database: sqlite3.Connection, _: Evidence) -> None:
    database.execute(
        "INSERT INTO execution_change SELECT NULL, n, owner_id, module, task_name, outcome, created_at, waited, ran "
        "FROM (SELECT 1 AS n, owner_id, module, task_name, status AS outcome, created_at, NULL AS waited, NULL AS ran "
        "FROM execution LIMIT 1) AS twice"
    )


def refuse_a_call(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.made[0].defects.append("refused")


def never_recover(_: sqlite3.Connection, evidence: Evidence) -> None:
    evidence.injections[0].recovery_seconds = None


TAMPERINGS: list[tuple[Spoil, str]] = [
    (lose_a_task, "what was answered is stored"),
    (double_a_task, "what was answered is stored"),
    (answer_a_repeat_with_another_task, "what was answered is stored"),
    (lose_an_execution, "runs were made as asked"),
    (double_an_execution, "runs were made as asked"),
    (leave_an_execution_waiting, "everything ended"),
    (leave_a_task_waiting, "everything ended"),
    (end_twice, "nothing ended twice"),
    (never_tell_the_end, "nothing ended twice"),
    (go_on_after_the_end, "moves are legal"),
    (count_an_execution_twice, "counts are those of the rows"),
    (skip_an_attempt, "attempts are numbered"),
    (leave_an_attempt_open, "attempts are numbered"),
    (decide_by_another_attempt, "one attempt decides"),
    (end_without_an_attempt, "one attempt decides"),
    (count_a_release_as_lost, "only lost attempts count as lost"),
    (overlap_attempts, "attempts do not overlap"),
    (lose_a_lease_too_soon, "attempts do not overlap"),
    (crowd_a_key, "keys have no more than their places"),
    (try_again_without_a_policy, "retries are counted"),
    (try_again_too_soon, "retries are counted"),
    (begin_early, "nothing begins early"),
    (keep_a_lease, "leases are of the running"),
    (change_a_result, "runs end as they must"),
    (fail_without_a_reason, "runs end as they must"),
    (cut_a_log, "logs are whole"),
    (change_a_log, "logs are whole"),
    (lose_a_call, "side effects happen"),
    (double_a_call, "side effects happen"),
    (call_what_never_began, "side effects happen"),
    (say_killed_of_what_succeeded, "stops tell the truth"),
    (stop_unasked, "stops tell the truth"),
    (begin_after_a_stop, "stops tell the truth"),
    (leave_out_a_firing, "schedules fire as written"),
    (miss_a_firing_that_no_policy_leaves_out, "schedules fire as written"),
    (fire_more_often_than_allowed, "schedules fire as written"),
    (fire_twice, "schedules fire as written"),
    (fire_at_no_time, "schedules fire as written"),
    (end_twice, "the watcher saw every change once"),
    (miss_a_change, "the watcher saw every change once"),
    (see_a_change_twice, "the watcher saw every change once"),
    (see_changes_backwards, "the watcher saw no step back"),
    (tell_of_a_mishap, "processes behave"),
    (log_an_error, "logs tell of no defect"),
    (answer_with_a_defect, "nothing odd was answered"),
    (refuse_a_call, "nothing odd was answered"),
    (never_recover, "all recovered"),
]
