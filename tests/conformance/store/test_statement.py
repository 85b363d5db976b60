"""The statements that run for every call, message and tick."""

from __future__ import annotations

import threading

import pytest

from task_server.domain.actions import CodeAction
from task_server.domain.task import TaskDefinition
from task_server.store import backlog, executions, places, usage, waiting
from task_server.store.statement import Statement
from task_server.usecases.executions import Executions
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks

_ECHO = Statement("SELECT :text AS said")


def test_a_statement_names_its_parameters_and_may_use_one_twice(database):
    pair = Statement("SELECT :number + 1, :number + CAST(:other AS INTEGER)")
    with database.read():
        assert tuple(pair.one(number=3, other=4)) == (4, 7)
        assert pair.value(number=3, other=4) == 4


@pytest.mark.parametrize("text", ["'; DROP TABLE task; --", ":number", "?", "%s", "{columns}", "ü€😀", ""])
def test_a_value_is_never_read_as_sql(database, text):
    with database.read():
        assert _ECHO.value(text=text) == text


@pytest.mark.parametrize("values", [{}, {"text": "a", "txet": "b"}])
def test_a_missing_or_unknown_parameter_is_refused(database, values):
    with database.read(), pytest.raises(TypeError, match="has the parameters"):
        _ECHO.value(**values)


def test_columns_stand_for_their_names_values_and_changes(database):
    columns = ("id", "secret_hash", "owner_id", "owner_name", "role", "created_at")
    insert = Statement("INSERT INTO token ({columns}) VALUES ({values})", columns)
    update = Statement("UPDATE token SET {changes} WHERE id = :id", ("owner_name", "role"))
    with database.write():
        row = dict.fromkeys(columns, "x") | {"created_at": 1}
        assert insert.run(**row) == 1
        assert update.run(id="x", owner_name="Ann", role="admin") == 1
        assert update.run(id="unknown", owner_name="Ann", role="admin") == 0
        assert [tuple(found) for found in Statement("SELECT {columns} FROM token", columns).all()] == [
            ("x", "x", "x", "Ann", "admin", 1)
        ]


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (executions._EXPIRED, {"now": 1, "limit": 100}, "execution_leased"),
        (executions._OVERDUE, {"now": 1, "limit": 100}, "execution_deadline"),
        (executions._NEXT_PUBLISH, {}, "execution_unpublished"),
        (backlog._FIND_DUE, {"now": 1, "limit": 500}, "execution_unpublished"),
        (backlog._COUNT, {"now": 1, "soon": 2, "latest": 3}, "execution_unpublished"),
        (
            backlog._FIND_PUT_OFF,
            {"now": 1, "soon": 2, "latest": 3, "queue": "q", "limit": 500},
            "execution_unpublished",
        ),
        (backlog._UNCLAIMED_QUEUES, {"now": 1, "limit": 500}, "execution_unpublished"),
        (places._SCOPES, {}, "execution_waits_for"),
        (usage._QUEUED, {"owner_id": "ann"}, "execution_ready"),
        (waiting._WAITING, {"never": 1, "now": 1}, "execution_ready"),
        (waiting._RUNNING, {}, "execution_running"),
    ],
)
@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)  # PostgreSQL plans by the parameters' values
def test_a_tick_of_the_scheduler_reads_an_index_and_not_the_table(database, statement, values, index):
    explained = Statement("EXPLAIN QUERY PLAN " + statement._texts["?"][0].replace("?", "1"))
    with database.read():
        plan = [row[-1] for row in explained.all() if " execution " in row[-1]]
    assert plan
    assert all(f"USING INDEX {index}" in each or f"USING COVERING INDEX {index}" in each for each in plan), plan


def test_pieces_of_a_log_that_come_at_once_follow_each_other(ports, caller):
    definition = TaskDefinition(
        name="n", action=CodeAction(function_code="def f(): pass", function_name="f"), timeout=5.0
    )
    view = Tasks(ports).create(caller, definition)
    running = Running(ports, lease_seconds=30)
    claim = running.claim(view.last_execution.id, "w1")
    together = threading.Barrier(8)

    def append(letter: str) -> None:
        together.wait()
        assert running.append_log(claim.execution_id, claim.attempt, letter * 3)
        ports.database.close()

    threads = [threading.Thread(target=append, args=(letter,)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    execution, chunks = Executions(ports).log(caller, claim.execution_id, 0)
    assert execution.log_bytes == 24
    assert [chunk.offset for chunk in chunks] == list(range(0, 24, 3))
    assert sorted(chunk.text[0] for chunk in chunks) == list("abcdefgh")
