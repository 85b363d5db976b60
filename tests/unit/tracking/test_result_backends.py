"""Real result backends, filled by Celery itself: Redis, SQLite and PostgreSQL."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy
from celery import Celery
from celery.app.task import Context
from celery.backends.database.models import Task
from tests.broker import BrokerProcess

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import micros, seconds
from task_server.domain.observation import Observation
from task_server.domain.status import ExecutionStatus
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking import database_results, redis_results
from task_server.tracking.backends import results_of
from task_server.tracking.results import ResultBackendAway, Results

#: Celery's own writer.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
#: A backend that hangs costs no more: connecting, answering, and what a busy machine adds.
_SECONDS = 8.0


class Boom(Exception):
    pass


@pytest.fixture(params=["redis", "sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "redis":
            return str(request.getfixturevalue("broker").url)
        case "sqlite":
            return f"db+sqlite:///{tmp_path / 'results.db'}"
        case _:
            return "db+" + request.getfixturevalue("postgres_url").replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture
def celery_app(backend: str) -> Iterator[Celery]:
    """The app as its own developers configure it."""
    app = Celery("theirs", backend=backend, set_as_current=False)
    app.conf.result_extended = True
    yield app
    app.close()


@pytest.fixture
def results(backend: str) -> Iterator[Results]:
    results = results_of(TrackedApp(name="theirs", backend=backend))
    yield results
    results.close()


def look_up(results: Results, task_ids: list[str]) -> dict[str, Observation]:
    return {task_id: seen.observation for task_id, seen in results.look_up(task_ids).items()}


def stored_since(results: Results, seconds_ago: float) -> list[str]:
    moment = micros(datetime.now(UTC)) - seconds(seconds_ago)
    return [task_id for page in results.stored_since(moment) for task_id in page]


def grow_old(app: Celery, backend: str) -> None:
    """Make what is stored an hour older."""
    if not backend.startswith("db+"):
        # As the server has it where somebody takes the key along: no clock is needed.
        for key in app.backend.client.keys("celery-task-meta-*"):
            app.backend.client.restore(key, 0, app.backend.client.dump(key), replace=True, idletime=3600)
        return
    engine = sqlalchemy.create_engine(backend.removeprefix("db+"))
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.update(Task)
            .where(Task.date_done.is_not(None))
            .values(date_done=datetime.now(UTC) - timedelta(hours=1))
        )
    engine.dispose()


def change(backend: str, statement: str) -> None:
    """Make something else of what Celery stored."""
    engine = sqlalchemy.create_engine(backend.removeprefix("db+"))
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def store(app: Celery, task_id: str, result: Any, status: str, traceback: str | None = None) -> None:
    request = Context(
        id=task_id,
        task="t",
        args=[1],
        kwargs={"password": "x"},
        retries=2,
        hostname="w@h",
        delivery_info={"routing_key": "q"},
    )
    app.backend.store_result(task_id, result, status, traceback=traceback, request=request)


def test_what_celery_stored_is_found(celery_app: Celery, results: Results) -> None:
    store(celery_app, "good", {"total": 7}, "SUCCESS")
    store(celery_app, "bad", Boom("no", 3), "FAILURE", "Traceback: Boom")
    store(celery_app, "now", {"hostname": "h", "pid": 1}, "STARTED")
    store(celery_app, "own", {"done": 3}, "PROGRESS")
    store(celery_app, "huge", "x" * (MAX_RESULT_BYTES + 10), "SUCCESS")
    found = look_up(results, ["good", "bad", "now", "own", "huge", *(f"unknown-{number}" for number in range(120))])
    assert sorted(found) == ["bad", "good", "huge", "now", "own"]
    assert (found["good"].status, found["good"].result_json) == (ExecutionStatus.SUCCESS, '{"total":7}')
    assert (found["good"].retries, found["good"].worker, found["good"].queue) == (2, "w@h", "q")
    assert found["good"].occurred_at is not None
    assert abs(found["good"].occurred_at / 1e6 - time.time()) < 60
    assert (found["bad"].status, found["bad"].error) == (ExecutionStatus.FAILURE, "Boom: no, 3")
    assert found["bad"].traceback == "Traceback: Boom"
    assert (found["now"].status, found["own"].metadata) == (ExecutionStatus.STARTED, {"celery_state": "PROGRESS"})
    assert (found["huge"].status, found["huge"].result_json) == (ExecutionStatus.SUCCESS, None)
    assert found["huge"].metadata == {"result_left_out": "it is larger than 1,048,576 bytes"}


def test_what_a_run_was_is_known_where_celery_stored_it(celery_app: Celery, results: Results) -> None:
    store(celery_app, "named", 1, "SUCCESS")
    seen = results.look_up(["named"])["named"]
    assert (seen.task_name, seen.arguments) == ("t", {"celery_args": "[1]", "celery_kwargs": "{'password': '***'}"})


def test_what_a_run_was_is_not_known_where_celery_did_not_store_it(backend: str, results: Results) -> None:
    app = Celery("theirs", backend=backend, set_as_current=False)
    store(app, "nameless", 1, "SUCCESS")
    seen = results.look_up(["nameless"])["nameless"]
    assert (seen.task_name, seen.arguments, seen.observation.result_json) == ("", {}, "1")
    assert stored_since(results, 60) == ["nameless"]
    app.close()


def test_what_was_stored_is_found_page_by_page(
    celery_app: Celery, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (database_results, redis_results):
        monkeypatch.setattr(module, "_PAGE", 8)
    many = {f"run-{number}" for number in range(40)}
    for task_id in many:
        store(celery_app, task_id, 1, "SUCCESS")
    celery_app.backend.save_group("group", celery_app.GroupResult("group", []))
    found = stored_since(results, 60)
    assert set(found) == many, "groups are no runs"
    assert len(list(results.stored_since(0))) > 2, "it comes in pages"


def test_what_was_stored_before_is_passed_by(celery_app: Celery, results: Results, backend: str) -> None:
    store(celery_app, "begun", None, "STARTED")
    store(celery_app, "old", 1, "SUCCESS")
    grow_old(celery_app, backend)
    store(celery_app, "new", 1, "SUCCESS")
    assert stored_since(results, 1800) == ["new"]
    assert set(stored_since(results, 7200)) == {"old", "begun", "new"}


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_a_machine_whose_clock_is_wrong_hides_nothing_of_the_others(
    celery_app: Celery, results: Results, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_results, "_PAGE", 2)
    for task_id in ("old", "old-too"):
        store(celery_app, task_id, 1, "SUCCESS")
    grow_old(celery_app, backend)
    store(celery_app, "new", 1, "SUCCESS")
    store(celery_app, "wrong", 1, "SUCCESS")
    store(celery_app, "newest", 1, "SUCCESS")
    change(backend, "UPDATE celery_taskmeta SET date_done = '2001-01-01 00:00:00' WHERE task_id = 'wrong'")
    assert stored_since(results, 1800) == ["newest", "new"]


@pytest.mark.parametrize(
    ("backend", "date"),
    [
        *(
            (database, f"'{date}'")
            for date in ("infinity", "-infinity", "0044-03-15 BC")
            for database in ("sqlite", "postgresql")
        ),
        *(("sqlite", value) for value in ("'garbage'", "x'ff'", "7")),
    ],
    indirect=["backend"],
)
def test_one_odd_date_hides_nothing_of_the_others(
    celery_app: Celery, results: Results, backend: str, date: str
) -> None:
    store(celery_app, "good", 1, "SUCCESS")
    store(celery_app, "odd", 1, "SUCCESS")
    change(backend, f"UPDATE celery_taskmeta SET date_done = {date} WHERE task_id = 'odd'")
    assert stored_since(results, 60) == ["odd", "good"]
    found = look_up(results, ["odd", "good"])
    assert (found["odd"].status, found["odd"].occurred_at) == ("SUCCESS", None)
    assert found["good"].occurred_at is not None


@pytest.mark.parametrize("value", ["1.5", "-1", "4611686018427387904", "'text'"])
@pytest.mark.parametrize("name", ["result", "args", "kwargs"])
def test_what_sqlite_keeps_instead_of_bytes_hides_nothing_of_the_others(tmp_path: Path, name: str, value: str) -> None:
    backend = f"db+sqlite:///{tmp_path / 'results.db'}"
    app = Celery("theirs", backend=backend, set_as_current=False)
    app.conf.result_extended = True
    for task_id in ("odd", "good"):
        store(app, task_id, 1, "SUCCESS")
    change(backend, f"UPDATE celery_taskmeta SET {name} = {value} WHERE task_id = 'odd'")
    results = results_of(TrackedApp(name="theirs", backend=backend))
    found = look_up(results, ["odd", "good"])
    assert {task_id: seen.status for task_id, seen in found.items()} == {"odd": "SUCCESS", "good": "SUCCESS"}
    results.close()
    app.close()


def test_dates_that_name_no_zone_are_of_the_one_that_is_configured(tmp_path: Path) -> None:
    backend = f"db+sqlite:///{tmp_path / 'results.db'}"
    app = Celery("theirs", backend=backend, set_as_current=False)
    app.conf.timezone = "America/New_York"
    store(app, "new", 1, "SUCCESS")
    results = results_of(TrackedApp(name="theirs", backend=backend, time_zone=ZoneInfo("America/New_York")))
    occurred_at = look_up(results, ["new"])["new"].occurred_at
    assert occurred_at is not None
    assert abs(occurred_at / 1e6 - time.time()) < 60
    assert stored_since(results, 60) == ["new"]
    results.close()
    app.close()


def test_nothing_is_known_of_nothing(results: Results, backend: str) -> None:
    if backend.startswith("db+sqlite"):
        with pytest.raises(ResultBackendAway):
            results.look_up(["x"])
        assert not Path(backend.removeprefix("db+sqlite:///")).exists(), "it is not made by whoever reads"
    else:
        assert results.look_up(["x"]) == {}
        assert results.look_up([]) == {}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_redis_that_is_away_costs_a_moment_and_is_back_at_once(broker: BrokerProcess, how: int) -> None:
    app = Celery("theirs", backend=broker.url, set_as_current=False)
    results = results_of(TrackedApp(name="theirs", backend=broker.url))
    assert results.look_up(["x"]) == {}
    broker.kill() if how == signal.SIGKILL else broker.signal(how)
    began = time.monotonic()
    with pytest.raises(ResultBackendAway) as away:
        results.look_up(["x"])
    assert time.monotonic() - began < _SECONDS
    assert broker.url not in str(away.value)
    broker.start() if how == signal.SIGKILL else broker.signal(signal.SIGCONT)
    app.backend.store_result("x", 1, "SUCCESS")
    assert list(results.look_up(["x"])) == ["x"]
    results.close()
    app.close()


def test_what_is_no_result_under_a_key_of_one_is_nothing(broker: BrokerProcess) -> None:
    results = results_of(TrackedApp(name="theirs", backend=broker.url))
    client = results._backend.client  # type: ignore[attr-defined]
    client.rpush("celery-task-meta-list", "x")
    client.set("celery-task-meta-text", b"\xff not json")
    client.set("celery-task-meta-bad", b'{"status": "FAILURE", "result": broken')
    client.set("celery-task-meta-other", b'{"status": "STARTED"}')
    found = look_up(results, ["list", "text", "bad", "other"])
    assert {task_id: seen.status.value for task_id, seen in found.items()} == {"bad": "FAILURE", "other": "STARTED"}
    results.close()


def test_a_redis_that_does_not_tell_when_keys_were_used_is_read_whole(broker: BrokerProcess) -> None:
    app = Celery("theirs", backend=broker.url, set_as_current=False)
    results = results_of(TrackedApp(name="theirs", backend=broker.url))
    store(app, "old", 1, "SUCCESS")
    grow_old(app, broker.url)
    assert stored_since(results, 1800) == []
    app.backend.client.config_set("maxmemory-policy", "allkeys-lfu")
    assert stored_since(results, 1800) == ["old"]
    results.close()
    app.close()


def test_compressed_results_are_read_within_their_bounds(broker: BrokerProcess) -> None:
    app = Celery("theirs", backend=broker.url, set_as_current=False)
    app.conf.result_compression = "gzip"
    store(app, "small", {"n": [7] * 1000}, "SUCCESS")
    store(app, "bomb", "x" * 50_000_000, "SUCCESS")
    results = results_of(TrackedApp(name="theirs", backend=broker.url))
    client = results._backend.client  # type: ignore[attr-defined]
    assert client.strlen("celery-task-meta-bomb") < 100_000
    client.set("celery-task-meta-broken", b"\0celery-compressed\0application/x-gzip\0broken")
    client.set("celery-task-meta-other", b"\0celery-compressed\0application/x-bz2\0BZh9")
    found = look_up(results, ["small", "bomb", "broken", "other"])
    assert sorted(found) == ["bomb", "small"]
    assert found["small"].result_json == '{"n":[' + ",".join(["7"] * 1000) + "]}"
    assert (found["bomb"].status, found["bomb"].result_json) == (ExecutionStatus.SUCCESS, None)
    results.close()
    app.close()


def test_the_environment_of_the_machine_is_for_its_own_apps(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("theirs", backend=broker.url, set_as_current=False)
    store(app, "x", 1, "SUCCESS")
    app.close()
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, "redis://127.0.0.1:1/0")
    results = results_of(TrackedApp(name="theirs", backend=broker.url))
    assert list(results.look_up(["x"])) == ["x"]
    results.close()


def test_a_pickle_of_an_older_celery_is_read_as_far_as_it_is_plain(tmp_path: Path) -> None:
    import pickle

    from celery.backends.database.models import TaskExtended
    from celery.backends.database.session import ResultModelBase
    from sqlalchemy.orm import Session

    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    ResultModelBase.metadata.create_all(engine)
    with Session(engine) as session:
        for task_id, value in (("plain", {"a": (1, 2)}), ("object", Boom("x"))):
            row = TaskExtended(task_id)
            row.status, row.result = "SUCCESS", pickle.dumps(value)
            session.add(row)
        session.commit()
    engine.dispose()
    results = results_of(TrackedApp(name="old", backend=f"db+sqlite:///{tmp_path / 'old.db'}"))
    found = look_up(results, ["plain", "object"])
    assert found["plain"].result_json == '{"a":[1,2]}'
    assert found["object"].metadata == {
        "result_left_out": "it is a pickle of more than plain values, which is not read"
    }
    results.close()
