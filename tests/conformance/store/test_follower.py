"""What events say is noted, on both databases: for those who registered a run, late registrations too, and once for nobody's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from tests.acceptance.acceptance_stack import eventually
from tests.conformance.store.readable_backends import Readable
from tests.conformance.store.test_usecases_syncing import register, result

from task_server.domain.owner import Owner
from task_server.domain.report import Sighting
from task_server.domain.status import ExecutionStatus
from task_server.domain.tracked_app import TrackedApp
from task_server.store import executions as rows
from task_server.tracking import follower as module
from task_server.tracking.event import seen_in
from task_server.tracking.follower import Follower
from task_server.usecases.observing import Observing, Reported

SHOP = TrackedApp(
    name="shop-app", broker="redis://x", backend="redis://x", modules=("shop",), created_by=Owner("shop", "Shop")
)


def event(kind: str, task_id: str, **fields) -> dict:
    return {"type": f"task-{kind}", "uuid": task_id, "timestamp": 1.7e9, "hostname": "w@h"} | fields


class House:
    """A follower that runs, and what it is told."""

    def __init__(self, ports, app: TrackedApp = SHOP) -> None:
        self.ports = ports
        self.backends = Readable(app)
        self.observing = Observing(ports)
        self.follower = Follower(app, ports.database, self.observing, self.backends, self.tell)
        self.follower.start()

    def tell(self, *, is_heard: bool) -> None:
        raise AssertionError("nothing is dropped")

    def hear(self, *events: dict) -> None:
        for each in events:
            seen = seen_in(each)
            assert seen is not None
            self.follower.hand_on(seen)

    def rows(self, task_id: str) -> list:
        with self.ports.database.read():
            return rows.find_by_task_id(task_id)

    def wait_for(self, task_id: str, status: str):
        return eventually(
            lambda: next((run for run in self.rows(task_id) if run.status.value == status), None),
            20,
            f"{task_id} {status}",
        )

    def detail(self, run):
        with self.ports.database.read():
            return rows.detail(run.id)


@pytest.fixture
def house(ports, monkeypatch) -> Iterator[House]:
    monkeypatch.setattr(module, "_HOLD_SECONDS", 0.5)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)
    house = House(ports)
    yield house
    house.follower.close()


def test_a_registered_run_is_moved_at_once(ports, caller, house) -> None:
    register(ports, caller, "c-1")
    house.backends.known["c-1"] = result(result_json='{"n": 7}')
    house.hear(event("received", "c-1", name="shop.t", args="(1,)"), event("started", "c-1"))
    started = house.wait_for("c-1", "STARTED")
    assert (started.worker, started.owner.id, started.metadata) == ("w@h", "ann", {})
    house.hear(event("succeeded", "c-1", result="{'n': 7}", timestamp=1.7e9 + 3))
    ended = house.wait_for("c-1", "SUCCESS")
    assert house.detail(ended).result_json == '{"n": 7}'
    assert (ended.finished_at, ended.source) == ((1_700_000_003) * 1_000_000, "RESULT_BACKEND")
    assert len(house.rows("c-1")) == 1


def test_what_nobody_registers_is_recorded_after_a_while(house) -> None:
    house.hear(
        event("sent", "n-1", name="shop.tasks.mail", args="('a@b',)", kwargs="{'token': 'abc', 'n': 1}", queue="mails"),
        event("failed", "n-1", exception="Boom('no')", traceback="Traceback ..."),
    )
    run = house.wait_for("n-1", "FAILURE")
    assert (run.owner, run.app, run.module, run.task_name) == (
        Owner("shop", "Shop"),
        "shop-app",
        "shop",
        "shop.tasks.mail",
    )
    assert (run.error, house.detail(run).traceback, run.queue) == ("Boom('no')", "Traceback ...", "mails")
    assert run.metadata == {"celery_args": "('a@b',)", "celery_kwargs": "{'token': '***', 'n': 1}"}


def test_a_registration_that_comes_a_little_later_is_the_only_one(ports, caller, house, monkeypatch) -> None:
    house.hear(event("sent", "l-1", name="shop.t"), event("started", "l-1"))
    eventually(lambda: "l-1" in house.follower._held.task_ids)
    register(ports, caller, "l-1")
    assert house.wait_for("l-1", "STARTED").owner.id == "ann"
    assert len(house.rows("l-1")) == 1


def test_the_end_alone_is_recorded_with_what_the_result_backend_names(house) -> None:
    house.backends.known["e-1"] = house.backends.known["e-2"] = result(result_json="7")
    house.backends.names["e-1"] = "shop.tasks.mail"
    house.backends.arguments["e-1"] = {"celery_args": "[1]"}
    house.hear(event("succeeded", "e-2"), event("succeeded", "e-1", timestamp=1.7e9 + 3))
    run = house.wait_for("e-1", "SUCCESS")
    assert (run.task_name, run.module, run.owner.id) == ("shop.tasks.mail", "shop", "shop")
    assert (run.finished_at, run.metadata) == (1_700_000_003 * 1_000_000, {"celery_args": "[1]"})
    assert house.detail(run).result_json == "7"
    assert house.rows("e-2") == [], "nobody knows what it was"


def test_what_an_event_says_of_arguments_stays(house) -> None:
    house.backends.known["a-1"] = result(result_json="7")
    house.backends.names["a-1"], house.backends.arguments["a-1"] = "shop.t", {"celery_args": "[1]"}
    house.hear(event("received", "a-1", name="shop.t", args="(1,)"), event("succeeded", "a-1"))
    assert house.wait_for("a-1", "SUCCESS").metadata == {"celery_args": "(1,)"}


def test_the_end_alone_is_recorded_once_its_result_can_be_read(house) -> None:
    house.backends.away.add("shop-app")
    house.hear(event("succeeded", "l-2"))
    eventually(lambda: "l-2" in house.follower._late, 20)
    house.backends.known["l-2"], house.backends.names["l-2"] = result(result_json="7"), "shop.t"
    house.backends.away.clear()
    assert house.wait_for("l-2", "SUCCESS").task_name == "shop.t"


def test_what_follows_is_not_told_before_what_was_held_back(ports, caller, house) -> None:
    house.hear(event("received", "f-1", name="shop.t", retries=0), event("retried", "f-1", exception="Again()"))
    eventually(lambda: "f-1" in house.follower._held.task_ids)
    register(ports, caller, "f-1")
    house.hear(event("received", "f-1", retries=1), event("started", "f-1"), event("succeeded", "f-1"))
    assert house.wait_for("f-1", "SUCCESS").retries == 1


def test_who_registered_it_for_another_app_is_not_in_the_way(ports, caller, house) -> None:
    register(ports, caller, "o-1", "other")
    house.hear(event("started", "o-1", name="shop.t"))
    assert house.wait_for("o-1", "STARTED").owner.id == "shop"
    assert [(run.owner.id, run.status.value) for run in house.rows("o-1")] == [("ann", "PENDING"), ("shop", "STARTED")]


def test_nobodys_runs_are_not_recorded_for_nobody(ports, caller, monkeypatch) -> None:
    monkeypatch.setattr(module, "_HOLD_SECONDS", 0.2)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)
    house = House(ports, replace(SHOP, created_by=None))
    register(ports, caller, "c-1")
    house.hear(event("started", "x-1", name="shop.t"), event("started", "c-1"))
    house.wait_for("c-1", "STARTED")
    eventually(lambda: not house.follower._held.task_ids)
    house.follower.close()
    assert house.rows("x-1") == []


def test_a_result_that_could_not_be_had_comes_later(ports, caller, house) -> None:
    register(ports, caller, "c-1")
    house.backends.away.add("shop-app")
    house.hear(event("succeeded", "c-1", result="7"))
    ended = house.wait_for("c-1", "SUCCESS")
    assert (ended.source, ended.metadata) == ("EVENT", {"celery_result": "7"})
    house.backends.known["c-1"] = result(result_json="7")
    house.backends.away.clear()
    eventually(lambda: house.detail(ended).result_json == "7")
    eventually(lambda: not house.follower._late)


def test_who_closes_it_loses_nothing(ports, caller, house) -> None:
    for number in range(1200):
        house.hear(event("succeeded", f"c-{number}", name="shop.t"))
    house.follower.close()
    with ports.database.read():
        assert all(rows.find_by_task_id(f"c-{number}") for number in (0, 599, 1199))


def test_a_defect_of_one_batch_is_not_the_end(ports, caller, house, monkeypatch, caplog) -> None:
    register(ports, caller, "good")
    real = house.observing.receive

    def receive(app, sightings: Sequence[Sighting]) -> Reported:
        if any(each.task_id == "bad" for each in sightings):
            raise RuntimeError("broken")
        return real(app, sightings)

    monkeypatch.setattr(house.observing, "receive", receive)
    # What was told together with it is noted all the same.
    names = [f"c-{number}" for number in range(20)]
    house.hear(*(event("started", name, name="shop.t") for name in [*names[:10], "bad", *names[10:]]))
    eventually(lambda: "could not be noted" in caplog.text)
    assert {house.wait_for(name, "STARTED").status for name in names} == {ExecutionStatus.STARTED}
    house.hear(event("started", "good"))
    assert house.wait_for("good", "STARTED").status is ExecutionStatus.STARTED


def test_a_defect_in_reading_results_is_not_the_end(ports, caller, house, monkeypatch, caplog) -> None:
    for task_id in ("bad", "good"):
        register(ports, caller, task_id)
    real = house.backends.look_up

    def look_up(app, task_ids: Sequence[str]) -> dict:
        if "bad" in task_ids:
            raise RuntimeError("broken")
        return real(app, task_ids)

    monkeypatch.setattr(house.backends, "look_up", look_up)
    house.hear(event("succeeded", "bad"))
    assert house.wait_for("bad", "SUCCESS").source == "EVENT"
    assert "results of the app shop-app could not be read" in caplog.text
    house.backends.known["good"] = result(result_json="7")
    house.hear(event("succeeded", "good"))
    assert house.wait_for("good", "SUCCESS").source == "RESULT_BACKEND"


def test_what_is_too_much_is_dropped_and_said_once(ports, monkeypatch, caplog) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 5000)
    monkeypatch.setattr(module, "_HOLD_SECONDS", 0.2)
    told: list[bool] = []
    follower = Follower(
        SHOP, ports.database, Observing(ports), Readable(SHOP), lambda *, is_heard: told.append(is_heard)
    )
    for number in range(50):
        seen = seen_in(event("started", f"c-{number}"))
        assert seen is not None
        follower.hand_on(seen)
    assert len(follower._waiting) < 6
    assert caplog.text.count("some are dropped") == 1
    dropped = 50 - len(follower._waiting)
    assert told == [False] * dropped, "at each: a new connection may have told otherwise since the last"
    follower.start()
    eventually(lambda: not follower._waiting, 20)
    assert seen is not None
    follower.hand_on(seen)
    follower.close()
    assert told == [*[False] * dropped, True], "who is told so looks for it in the result backend"
