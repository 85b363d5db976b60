"""What happened while nobody listened to an app's events is found in its result backend, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from tests.acceptance.acceptance_stack import eventually
from tests.conformance.store.engine_values import Clock
from tests.conformance.store.readable_backends import Readable
from tests.conformance.store.test_follower import SHOP
from tests.conformance.store.test_usecases_syncing import register, result

from task_server.domain.clock import SECOND, Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.report import Sighting
from task_server.domain.status import ExecutionStatus
from task_server.store import executions as rows
from task_server.store import heard
from task_server.tracking import catching_up as module
from task_server.tracking.catching_up import CatchingUp
from task_server.usecases.hearing import Hearing
from task_server.usecases.observing import Observing, Reported

HOUR = 3600 * SECOND
DAY = 24 * HOUR
#: How much further back is looked, since clocks differ.
SLACK = 300 * SECOND


class House:
    """A backend, and those who catch up with it."""

    def __init__(self, ports) -> None:
        self.ports = ports
        self.database = ports.database
        self.clock = Clock(ports.database)
        self.backends = Readable(SHOP)
        self.observing = Observing(ports)
        self.started: list[CatchingUp] = []

    def made(self, kept: Micros | None = None) -> CatchingUp:
        """Somebody who catches up when a test has them take a turn."""
        return CatchingUp(SHOP, self.database, self.observing, Hearing(self.ports, kept), self.backends)

    def start(self, kept: Micros | None = None) -> CatchingUp:
        """Somebody who catches up as soon as events are heard."""
        made = self.made(kept)
        self.started.append(made)
        made.start()
        return made

    def store(self, task_id: str, ago: Micros | None = None, name: str = "shop.t", **fields) -> None:
        """Have a run end so long ago, with Celery's task of that name."""
        done = None if ago is None else self.clock.now - ago
        self.backends.known[task_id] = replace(result(**fields), occurred_at=done)
        self.backends.names[task_id] = name

    def rows(self, task_id: str) -> list:
        with self.database.read():
            return rows.find_by_task_id(task_id)

    def heard_until(self) -> Micros | None:
        with self.database.read():
            return heard.until(SHOP.name)

    def wait_until_heard(self) -> None:
        """Until somebody has caught up, and noted that events are heard now."""
        eventually(lambda: self.heard_until() == self.clock.now, 20)


@pytest.fixture
def house(ports, monkeypatch) -> Iterator[House]:
    for name, value in (
        ("_HOLD_SECONDS", 0.3),
        ("_TURN_SECONDS", 0.02),
        ("_NOTE_SECONDS", 0.02),
        ("_PAUSE_SECONDS", 0.1),
    ):
        monkeypatch.setattr(module, name, value)
    house = House(ports)
    yield house
    for each in house.started:
        each.close()


def test_what_happened_before_is_recorded_as_the_backend_has_it(house) -> None:
    house.store("e-1", HOUR, result_json="7")
    house.backends.arguments["e-1"] = {"celery_args": "[1]"}
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    (run,) = house.rows("e-1")
    assert (run.task_name, run.module, run.app, run.owner.id) == ("shop.t", "shop", "shop-app", "shop")
    assert (run.status, run.source) == (ExecutionStatus.SUCCESS, "RESULT_BACKEND")
    assert (run.finished_at, run.metadata) == (house.clock.now - HOUR, {"celery_args": "[1]"})
    with house.database.read():
        assert rows.detail(run.id).result_json == "7"


def test_the_first_time_is_about_one_day(house) -> None:
    house.store("within", DAY)
    house.store("before", DAY + HOUR)
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    assert house.backends.looked_back_to == [house.clock.now - DAY - SLACK]
    assert [len(house.rows(task_id)) for task_id in ("within", "before")] == [1, 0]


def test_later_it_is_about_what_was_missed(house) -> None:
    first = house.start()
    first.tell(is_heard=True)
    house.wait_until_heard()
    until = house.clock.now
    first.tell(is_heard=False)
    house.clock.sleep(7200)
    # Of it as much as one that was recorded, and removed since: it is in the backend for ever.
    house.store("before", 7200 * SECOND + 2 * SLACK)
    house.store("missed", HOUR)
    first.tell(is_heard=True)
    house.wait_until_heard()
    assert house.backends.looked_back_to[1:] == [until - SLACK]
    assert [len(house.rows(task_id)) for task_id in ("before", "missed")] == [0, 1]


def test_who_starts_next_looks_back_as_far_as_nobody_listened(house) -> None:
    first = house.start()
    first.tell(is_heard=True)
    house.wait_until_heard()
    first.close()
    until = house.clock.now
    house.clock.sleep(3600)
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    assert house.backends.looked_back_to[-1] == until - SLACK


def test_what_is_kept_no_longer_does_not_come_back(house) -> None:
    house.store("old", 2 * HOUR)
    house.start(kept=HOUR).tell(is_heard=True)
    house.wait_until_heard()
    assert house.backends.looked_back_to == [house.clock.now - HOUR]
    assert house.rows("old") == []


def test_while_nobody_hears_nothing_is_noted(house) -> None:
    catching_up = house.made()
    catching_up.tell(is_heard=True)
    catching_up._turn()
    before = house.clock.now
    assert house.heard_until() == before
    house.clock.sleep(60)
    catching_up.tell(is_heard=False)
    catching_up._turn()
    assert house.heard_until() == before


def test_nor_where_the_connection_is_lost_at_that_moment(house, monkeypatch) -> None:
    catching_up = house.made()
    real = Hearing.note

    def note(hearing: Hearing, app: str, is_heard: Callable[[], bool]) -> bool:
        catching_up.tell(is_heard=False)
        return real(hearing, app, is_heard)

    monkeypatch.setattr(Hearing, "note", note)
    catching_up.tell(is_heard=True)
    catching_up._turn()
    assert house.heard_until() is None


def test_it_never_goes_back(house) -> None:
    hearing = Hearing(house.ports, None)
    hearing.note(SHOP.name, lambda: True)
    house.clock.sleep(-60)
    hearing.note(SHOP.name, lambda: True)
    assert house.heard_until() == house.clock.now + 60 * SECOND


def test_a_run_that_goes_on_is_recorded_as_such(house) -> None:
    house.store("now", None, status=ExecutionStatus.STARTED)
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    assert [run.status for run in house.rows("now")] == [ExecutionStatus.STARTED]


def test_what_nobody_names_is_left_out_and_told_once(house, caplog) -> None:
    house.store("n-1", SLACK // 2, name="")
    house.store("n-2", SLACK // 2, name="")
    catching_up = house.start()
    for _ in range(2):
        house.clock.sleep(1)
        catching_up.tell(is_heard=True)
        house.wait_until_heard()
    assert house.rows("n-1") == []
    assert caplog.text.count("2 runs of the app shop-app, of which nobody had heard, were not recorded") == 1
    assert "result_extended = True" in caplog.text


def test_what_somebody_registered_stays_theirs(house, caller) -> None:
    register(house.ports, caller, "c-1")
    house.store("c-1", HOUR)
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    assert [(run.owner.id, run.metadata) for run in house.rows("c-1")] == [("ann", {})]
    assert house.backends.asked == [], "what is recorded is not read"


def test_a_registration_that_comes_a_little_later_is_the_only_one(house, caller) -> None:
    house.store("l-1", 0)
    house.backends.arguments["l-1"] = {"celery_args": "[1]"}
    catching_up = house.made()

    class Registering(threading.Event):
        """What it waits by; meanwhile somebody registers the run."""

        def wait(self, timeout: float | None = None) -> bool:
            if timeout == module._HOLD_SECONDS:
                register(house.ports, caller, "l-1")
            return self.is_set()

    catching_up._closed = Registering()
    catching_up.tell(is_heard=True)
    catching_up._turn()
    assert [(run.owner.id, run.metadata) for run in house.rows("l-1")] == [("ann", {})]


def test_several_who_follow_it_record_it_once(house) -> None:
    for number in range(120):
        house.store(f"s-{number}", HOUR)
    for each in [house.start() for _ in range(3)]:
        each.tell(is_heard=True)
    eventually(lambda: len(house.backends.looked_back_to) == 3 and house.heard_until() == house.clock.now, 30)
    for each in house.started:
        each.close()
    assert [len(house.rows(f"s-{number}")) for number in range(120)] == [1] * 120


def test_while_the_backend_is_away_nothing_is_passed_by(house) -> None:
    house.store("a-1", HOUR)
    house.backends.away.add(SHOP.name)
    house.start().tell(is_heard=True)
    eventually(lambda: len(house.backends.looked_back_to) > 1, 20)
    assert house.heard_until() is None
    house.backends.away.clear()
    house.wait_until_heard()
    assert len(house.rows("a-1")) == 1


def test_after_the_database_was_away_what_was_heard_meanwhile_is_looked_for_before_it_counts_as_heard(
    house, monkeypatch
) -> None:
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    until = house.clock.now
    # Its event waits in the memory of a process that may be killed.
    house.store("m-1", 0)
    real, was_away = Hearing.note, threading.Event()

    def note(hearing: Hearing, app: str, is_heard: Callable[[], bool]) -> bool:
        if not was_away.is_set():
            was_away.set()
            raise DatabaseUnavailable
        return real(hearing, app, is_heard)

    monkeypatch.setattr(Hearing, "note", note)
    eventually(was_away.is_set, 20)
    house.clock.sleep(3600)
    house.wait_until_heard()
    assert house.backends.looked_back_to[1:] == [until - SLACK]
    assert len(house.rows("m-1")) == 1


def test_a_defect_of_one_run_is_not_the_end(house, monkeypatch, caplog) -> None:
    for task_id in ("a", "bad", "b"):
        house.store(task_id, HOUR)
    real = house.observing.receive

    def receive(app, sightings: Sequence[Sighting]) -> Reported:
        if any(each.task_id == "bad" for each in sightings):
            raise RuntimeError("broken")
        return real(app, sightings)

    monkeypatch.setattr(house.observing, "receive", receive)
    house.start().tell(is_heard=True)
    house.wait_until_heard()
    assert [len(house.rows(task_id)) for task_id in ("a", "bad", "b")] == [1, 0, 1]
    assert "could not be recorded" in caplog.text


def test_who_ends_it_waits_for_a_page_at_most_and_passes_nothing_by(house, monkeypatch) -> None:
    for number in range(50):
        house.store(f"w-{number}", HOUR)
    monkeypatch.setattr(module, "_PAGE_SECONDS", 3600.0)
    catching_up = house.start()
    catching_up.tell(is_heard=True)
    eventually(lambda: house.backends.looked_back_to, 20)
    catching_up.close()
    assert house.heard_until() is None


def test_what_waits_takes_a_bounded_room(house, monkeypatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 5000)
    monkeypatch.setattr(module, "_HOLD_SECONDS", 3600.0)
    for number in range(20):
        house.store(f"m-{number}", HOUR)
    house.start().tell(is_heard=True)
    seen: Callable[[], bool] = lambda: sum(len(house.rows(f"m-{number}")) for number in range(20)) >= 14  # noqa: E731
    eventually(seen, 20)
