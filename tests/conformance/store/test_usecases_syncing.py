"""Runs of other Celery apps are looked up on both databases: for whoever asks, by themselves, and until they vanish."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.conformance.store.engine_values import Clock, at_once, definition

from task_server.domain.clock import SECOND, iso
from task_server.domain.errors import ExecutionNotFound, NoResultBackend, ResultBackendUnavailable, TaskNotFound
from task_server.domain.execution import Execution
from task_server.domain.observation import Observation, Source
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.domain.syncing import LONGEST_PAUSE, SHORTEST_PAUSE
from task_server.domain.tracked_app import TrackedApp, app_of
from task_server.store import executions as rows
from task_server.store import syncing as store
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.observing import Observing
from task_server.usecases.reconciling import Reconciling
from task_server.usecases.registering import Registering
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.syncing import Synced, Syncing
from task_server.usecases.tasks import Tasks

ANN, BOB = Owner("ann", "Ann"), Owner("bob", "Bob")
SHOP = TrackedApp(name="shop-app", backend="redis://x", modules=("shop", "mail*"))
BILLING = TrackedApp(name="billing-app", backend="redis://y", modules=("mail.eu", "billing*", "shop*"), owners=("ann",))
SILENT = TrackedApp(name="silent", broker="redis://z", modules=("silent",))
WEEK = 7 * 86_400


class Backends:
    """What the apps' backends know, by Celery task id."""

    def __init__(self, *apps: TrackedApp) -> None:
        self.apps = apps
        self.known: dict[str, Observation] = {}
        self.away: set[str] = set()
        self.asked: list[tuple[str, list[str]]] = []

    def look_up(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Observation]:
        self.asked.append((app.name, list(task_ids)))
        if app.name in self.away:
            raise ResultBackendUnavailable(app.name)
        return {task_id: self.known[task_id] for task_id in task_ids if task_id in self.known}


@pytest.fixture
def backends() -> Backends:
    return Backends(SHOP, BILLING, SILENT)


@pytest.fixture
def syncing(ports, backends) -> Syncing:
    return Syncing(ports, Observing(ports), backends)


@pytest.fixture
def reconciling(ports) -> Reconciling:
    return Reconciling(ports, Observing(ports), WEEK)


def result(status: str = "SUCCESS", **fields) -> Observation:
    return Observation(status=ExecutionStatus(status), source=Source.RESULT_BACKEND, **fields)


def register(ports, caller, task_id: str, module: str = "shop", app: str = "") -> Execution:
    said = Registration(task_id=task_id, task_name=f"{module}.t", module=module, owner=caller.owner, app=app)
    return Registering(ports).register(caller, said).execution


def make_due(ports, seconds_ago: float = 0, seen_seconds_ago: float | None = None) -> None:
    with ports.database.write():
        now = ports.database.now()
        times = {"sync_after": now - round(seconds_ago * SECOND)}
        if seen_seconds_ago is not None:
            times |= dict.fromkeys(("created_at", "observed_at"), now - round(seen_seconds_ago * SECOND))
        ExecutionRow.update(**times).where(ExecutionRow.sync_after.is_null(False)).execute()


def present(ports, run: Execution) -> Execution:
    with ports.database.read():
        found = rows.get(run.id)
    assert found is not None
    return found


def pause(ports, run: Execution) -> int:
    """How long from now the run is looked up next."""
    with ports.database.read():
        row = ExecutionRow.get(ExecutionRow.id == run.id)
        return row.sync_after - ports.database.now()


def test_who_asks_is_told_what_the_backend_knows(ports, caller, syncing, backends) -> None:
    run = register(ports, caller, "c-1")
    assert syncing.sync(caller, run.id).execution.status is ExecutionStatus.PENDING, "the backend does not know the id"
    backends.known["c-1"] = result(result_json='{"n": 7}', retries=2, worker="w@h")
    view = syncing.sync(caller, run.id)
    assert (view.execution.status, view.execution.source) == (ExecutionStatus.SUCCESS, "RESULT_BACKEND")
    assert (view.execution.retries, view.execution.worker) == (2, "w@h")
    assert view.detail is not None
    assert view.detail.result_json == '{"n": 7}'
    asked = len(backends.asked)
    assert syncing.sync(caller, run.id).execution == view.execution
    assert len(backends.asked) == asked, "a run that has ended is not asked for"


def test_who_may_not_see_it_learns_nothing(ports, caller, stranger, admin, syncing, backends) -> None:
    run = register(ports, caller, "c-1")
    with pytest.raises(ExecutionNotFound):
        syncing.sync(stranger, run.id)
    with pytest.raises(ExecutionNotFound):
        syncing.sync(caller, "no-such")
    assert not backends.asked
    assert syncing.sync(admin, run.id).execution.id == run.id


def test_runs_that_nobody_can_be_asked_about(ports, caller, stranger, syncing, backends) -> None:
    for run in (
        register(ports, caller, "1", "other"),
        register(ports, caller, "2", app="gone"),
        register(ports, caller, "3", "silent"),
    ):
        with pytest.raises(NoResultBackend):
            syncing.sync(caller, run.id)
    not_its_owners = register(ports, stranger, "4", app="billing-app")
    with pytest.raises(NoResultBackend):
        syncing.sync(stranger, not_its_owners.id)
    backends.away.add("shop-app")
    with pytest.raises(ResultBackendUnavailable):
        syncing.sync(caller, register(ports, caller, "5").id)


def test_a_run_of_ours_is_answered_as_it_is(ports, caller, syncing, backends) -> None:
    run = Tasks(ports).create(caller, definition()).last_execution
    assert syncing.sync(caller, run.id).execution == run
    assert not backends.asked


def test_many_at_once(ports, caller, stranger, syncing, backends) -> None:
    for number in range(4):
        register(ports, caller, f"s-{number}")
    register(ports, caller, "b-1", "billing.eu")
    register(ports, caller, "o-1", "other")
    register(ports, stranger, "x-1")
    backends.known |= {"s-0": result(), "s-1": result("STARTED"), "x-1": result()}
    backends.away.add("billing-app")
    assert syncing.sync_many("ann", 100) == Synced(synced=4, changed=2, finished=1, unreachable=2)
    assert syncing.sync_many("ann", 100) == Synced(synced=3, changed=0, finished=0, unreachable=2)
    assert syncing.sync_many(None, 100) == Synced(synced=4, changed=1, finished=1, unreachable=2)
    assert syncing.sync_many("nobody", 100) == Synced()


def test_many_take_turns(ports, caller, syncing, backends) -> None:
    for number in range(6):
        register(ports, caller, f"s-{number}")
    make_due(ports, seconds_ago=60)
    for _ in range(3):
        syncing.sync_many("ann", 2)
    assert sorted(task_id for _, ids in backends.asked for task_id in ids) == [f"s-{number}" for number in range(6)]


def test_reconciling_moves_what_is_due(ports, caller, reconciling, backends) -> None:
    done, waits, other = (
        register(ports, caller, "1"),
        register(ports, caller, "2"),
        register(ports, caller, "3", "billing"),
    )
    backends.known |= {"1": result(), "3": result()}
    assert reconciling.reconcile(backends, SHOP) == 0, "nothing is due at once"
    make_due(ports)
    assert reconciling.reconcile(backends, SHOP) == 2
    assert [present(ports, run).status.value for run in (done, waits, other)] == ["SUCCESS", "PENDING", "PENDING"]
    assert reconciling.reconcile(backends, SHOP) == 0, "it was put off"
    assert reconciling.reconcile(backends, BILLING) == 1


def test_the_pause_grows_with_the_age_of_a_run(ports, caller, reconciling, backends) -> None:
    run = register(ports, caller, "1")
    for age, wanted in ((1, SHORTEST_PAUSE), (400, 100 * SECOND), (86_400, LONGEST_PAUSE)):
        make_due(ports, seen_seconds_ago=age)
        assert reconciling.reconcile(backends, SHOP) == 1
        assert abs(pause(ports, run) - wanted) < 5 * SECOND


def test_what_is_due_of_no_app_is_looked_at_once(ports, caller, reconciling, backends, monkeypatch) -> None:
    monkeypatch.setattr("task_server.usecases.reconciling._BATCH", 2)
    for number in range(5):
        register(ports, caller, f"o-{number}", "other")
    run = register(ports, caller, "s-1")
    make_due(ports)
    assert reconciling.reconcile(backends, SHOP) == 1, "whatever is due before it"
    looked_at: list[int] = []

    def due(*args) -> list[store.Due]:
        looked_at.append(len(found := real(*args)))
        return found

    real = store.due
    monkeypatch.setattr(store, "due", due)
    assert reconciling.reconcile(backends, SHOP) == 0
    late = register(ports, caller, "s-2")
    with ports.database.write():
        ExecutionRow.update(sync_after=ports.database.now()).where(ExecutionRow.id.in_([run.id, late.id])).execute()
    assert reconciling.reconcile(backends, SHOP) == 2
    assert looked_at == [0, 2]


def test_a_clock_that_is_set_back_hides_nothing_that_is_due(ports, caller, clock, reconciling, backends) -> None:
    register(ports, caller, "1")
    clock.sleep(3600)
    assert reconciling.reconcile(backends, SHOP) == 1
    register(ports, caller, "2")
    clock.sleep(60)
    assert reconciling.reconcile(backends, SHOP) == 1, "the first was put off for longer"
    clock.sleep(-3000)
    register(ports, caller, "3")
    clock.sleep(60)
    assert reconciling.reconcile(backends, SHOP) == 1


def test_that_a_run_still_runs_is_stored_seldom(ports, caller, syncing, reconciling, backends) -> None:
    run = register(ports, caller, "1")
    backends.known["1"] = result("STARTED")
    syncing.sync(caller, run.id)
    started = present(ports, run)
    assert started.status is ExecutionStatus.STARTED
    make_due(ports)
    assert reconciling.reconcile(backends, SHOP) == 1
    assert syncing.sync(caller, run.id).execution == started
    make_due(ports, seen_seconds_ago=4000)
    before = present(ports, run).observed_at or 0
    assert reconciling.reconcile(backends, SHOP) == 1
    assert (present(ports, run).observed_at or 0) > before
    backends.known["1"] = result("STARTED", metadata={"celery_state": "PROGRESS"})
    assert syncing.sync(caller, run.id).execution.metadata == {"celery_state": "PROGRESS"}


def test_a_backend_that_is_away_puts_nothing_off(ports, caller, reconciling, backends) -> None:
    run = register(ports, caller, "1")
    backends.known["1"] = result()
    make_due(ports)
    backends.away.add("shop-app")
    with pytest.raises(ResultBackendUnavailable):
        reconciling.reconcile(backends, SHOP)
    assert pause(ports, run) <= 0
    backends.away.clear()
    assert reconciling.reconcile(backends, SHOP) == 1
    assert present(ports, run).status is ExecutionStatus.SUCCESS


def test_each_run_is_looked_up_by_one_of_many(ports, caller, backends) -> None:
    for number in range(40):
        register(ports, caller, f"s-{number}")
    make_due(ports)

    def reconcile() -> int:
        try:
            return Reconciling(ports, Observing(ports), WEEK).reconcile(backends, SHOP)
        finally:
            ports.database.close()

    done = at_once(ports.database, 4, reconcile)
    assert sum(done) == 40
    asked = [task_id for _, ids in backends.asked for task_id in ids if task_id.startswith("s-")]
    assert len(asked) == len(set(asked)) == 40


@pytest.mark.parametrize(
    "apps", [(SHOP, BILLING, SILENT), (BILLING, SHOP), (TrackedApp(name="only", backend="redis://x"),)]
)
def test_the_database_finds_the_app_as_the_rule_does(ports, caller, stranger, apps) -> None:
    modules = [
        "shop",
        "shop.eu",
        "Shop",
        "mail",
        "mail.eu",
        "mailing",
        "billing",
        "bill",
        "silent",
        "other",
        "%",
        "m_il",
    ]
    runs = [
        register(ports, who, f"{who.owner.id}-{module}-{app}", module, app)
        for who in (caller, stranger)
        for module in modules
        for app in ("", "shop-app", "gone")
    ]
    make_due(ports)
    found: set[str] = set()
    for app in apps:
        with ports.database.write():
            now = ports.database.now()
            due = store.due(app, apps, store.FIRST, now, 1000)
            assert len(due) == len(runs) - len(found)
            claimed = {run.id for run in store.claim([each.position.id for each in due if each.belongs], now)}
        found |= claimed
        assert claimed == {run.id for run in runs if app_of(run, apps) is app}
    assert claimed or apps[-1] is SILENT


def test_a_run_that_nobody_has_seen_for_too_long_is_ended_as_unknown(ports, caller, reconciling, backends) -> None:
    old = register(ports, caller, "1")
    make_due(ports, seen_seconds_ago=WEEK + 60)
    young = register(ports, caller, "2")
    with ports.database.write():
        ExecutionRow.update(sync_after=0).where(ExecutionRow.id == young.id).execute()
    since = iso(max(present(ports, old).created_at, present(ports, old).observed_at or 0))
    assert reconciling.reconcile(backends, SHOP) == 2
    ended = present(ports, old)
    assert (ended.status, ended.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.OUTCOME_UNKNOWN)
    assert ended.source == "ABSENCE"
    assert (
        ended.error
        == f"nobody has seen this run since {since}, and its result backend does not know it; whether it ran is not known"
    )
    assert present(ports, young).status is ExecutionStatus.PENDING


def test_what_is_seen_while_its_backend_is_asked_has_not_vanished(
    ports, caller, reconciling, backends, monkeypatch
) -> None:
    back, gone = register(ports, caller, "1"), register(ports, caller, "2")
    make_due(ports, seen_seconds_ago=WEEK + 60)

    def look_up(app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Observation]:
        if "1" in task_ids:
            started = Observation(status=ExecutionStatus.STARTED, source=Source.EVENT)
            Observing(ports).observe([(back.id, started)])
        return {}

    monkeypatch.setattr(backends, "look_up", look_up)
    assert reconciling.reconcile(backends, SHOP) == 2
    assert present(ports, back).status is ExecutionStatus.STARTED
    assert present(ports, gone).failure_reason is FailureReason.OUTCOME_UNKNOWN


def test_what_the_backend_still_knows_has_not_vanished(ports, caller, reconciling, backends) -> None:
    run = register(ports, caller, "1")
    backends.known["1"] = result("STARTED")
    for _ in range(2):
        make_due(ports, seen_seconds_ago=WEEK + 60)
        reconciling.reconcile(backends, SHOP)
        assert present(ports, run).status is ExecutionStatus.STARTED


def test_nothing_vanishes_while_its_backend_is_away(ports, caller, reconciling, backends) -> None:
    run = register(ports, caller, "1")
    make_due(ports, seen_seconds_ago=WEEK + 60)
    backends.away.add("shop-app")
    with pytest.raises(ResultBackendUnavailable):
        reconciling.reconcile(backends, SHOP)
    assert present(ports, run).status is ExecutionStatus.PENDING


def test_what_nobody_can_be_asked_about_ends_without_a_tracker(ports, caller, reconciling) -> None:
    run = register(ports, caller, "1", "other")
    make_due(ports, seconds_ago=60, seen_seconds_ago=WEEK + 60)
    assert reconciling.end_unasked() == 0, "a tracker asked for it lately"
    make_due(ports, seconds_ago=WEEK + 60, seen_seconds_ago=WEEK - 60)
    assert reconciling.end_unasked() == 0, "it was seen lately"
    make_due(ports, seconds_ago=WEEK + 60, seen_seconds_ago=WEEK + 60)
    assert reconciling.end_unasked() == 1
    assert reconciling.end_unasked() == 0
    assert "no result backend could be asked about it" in present(ports, run).error


def test_never_means_never(ports, caller, backends) -> None:
    patient = Reconciling(ports, Observing(ports), 0)
    run = register(ports, caller, "1")
    make_due(ports, seconds_ago=100 * WEEK, seen_seconds_ago=100 * WEEK)
    assert patient.end_unasked() == 0
    assert patient.reconcile(backends, SHOP) == 1
    assert present(ports, run).status is ExecutionStatus.PENDING


def test_a_task_is_taken_from_workers_that_are_gone(ports, caller, stranger, running, clock: Clock) -> None:
    rescuing = Rescuing(ports, max_lost_attempts=3)
    view = Tasks(ports).create(caller, definition())
    task_id = view.task.task_id
    assert running.claim(view.last_execution.id, "w1") is not None
    assert rescuing.rescue_of_task(caller, task_id) == 0, "its lease holds"
    with pytest.raises(TaskNotFound):
        rescuing.rescue_of_task(stranger, task_id)
    with ports.database.write():
        ExecutionRow.update(lease_until=0).execute()
    assert rescuing.rescue_of_task(caller, task_id) == 1
    assert present(ports, view.last_execution).status is ExecutionStatus.PENDING
