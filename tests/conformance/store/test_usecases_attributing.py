"""Runs of which somebody tells who does not know whose they are: one row each, of its user once that is known."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.store.engine_values import at_once
from tests.conformance.store.rollup_recount import difference
from tests.conformance.store.test_usecases_bytes import really_held
from tests.conformance.store.test_usecases_observing import App, registration, report, seen

from task_server.domain.audit import AuditFilter
from task_server.domain.clock import NEVER, SECOND
from task_server.domain.errors import QuotaExceeded
from task_server.domain.listing import ExecutionFilter
from task_server.domain.owner import Grant, Owner
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.report import Report, Sighting
from task_server.domain.status import ExecutionStatus
from task_server.store import executions, rollups, tracked, usage
from task_server.store.tables.executions import AttributeRow, ExecutionRow
from task_server.usecases.auditing import Auditing
from task_server.usecases.executions import Executions
from task_server.usecases.folding import Folding
from task_server.usecases.limits import Limits
from task_server.usecases.observing import Observing, Reported
from task_server.usecases.registering import Registering

SITE, OPS, SEVEN, EIGHT = Owner("site", "Site"), Owner("ops", "Ops"), Owner("7", "li"), Owner("8", "mo")
APP = App(owner=OPS, told=frozenset({"site", "ops", "7", "8"}))


@pytest.fixture
def site(admin):
    """As a Django project's service account usually is."""
    return replace(admin, owner=SITE, grants=frozenset({Grant.REGISTER_FOR_OTHERS}))


@pytest.fixture
def narrow(caller):
    """A service account that may register for others, and sees what is its own."""
    return replace(caller, owner=SITE, grants=frozenset({Grant.REGISTER_FOR_OTHERS}))


def of_nobody(task_id="c-1", status="STARTED", **fields) -> Report:
    return report(task_id, SITE, status, is_named=False, **fields)


def of_user(owner=SEVEN, **fields):
    """What a view registers."""
    said = {"task_name": "shop.tasks.mail", "module": "mails", "args": [1], "kwargs": {"to": "li"}}
    return registration(owner=owner, **said | {"metadata": {"source": "manual_trigger"}} | fields)


def rows(ports):
    return Executions(ports).page(ExecutionFilter(), (), 100, full=True).views


def only(ports):
    (view,) = rows(ports)
    return view


def audited(ports):
    return Auditing(ports.database).page(AuditFilter(), "", 100)[0]


def test_a_run_that_was_told_of_first_is_handed_to_the_user_whom_a_view_registers_it_for(
    observing, registering, ports, site, clock
):
    clock.now += SECOND
    told = [of_nobody(worker="w@1", metadata={"celery_eta": "x"}), of_nobody(status="SUCCESS", result_json="7")]
    observing.report(site, told)
    before = only(ports).execution
    clock.now += SECOND
    answered = registering.register(site, of_user())
    view = only(ports)
    assert answered == view
    run = view.execution
    assert (run.id, run.status, run.owner) == (before.id, "SUCCESS", SEVEN)
    assert (run.task_name, run.module) == ("shop.tasks.mail", "mails")
    assert run.metadata == {"source": "manual_trigger", "celery_eta": "x"}
    assert (view.detail.task_args, view.detail.task_kwargs, view.detail.result_json) == ([1], {"to": "li"}, "7")
    for name in ("created_at", "started_at", "finished_at", "worker", "source", "observed_at"):
        assert getattr(run, name) == getattr(before, name)
    # What is told of it later, with nobody named, is of that row; and to register it again changes nothing.
    assert observing.report(site, told) == Reported(unchanged=2)
    assert registering.register(site, of_user(metadata={"other": 1})).execution == run
    last, _ = audited(ports)
    assert (last.resource_id, last.detail) == (run.id, "of user '7', before of user 'site'")


def test_so_it_is_for_many_at_once_and_by_reports_that_name_the_user(observing, registering, ports, site, clock):
    observing.report(site, [of_nobody(f"c-{number}") for number in range(5)])
    registering.register_many(site, [of_user(task_id=f"c-{number}") for number in range(3)])
    told = [report(f"c-{number}", SEVEN, "STARTED") for number in range(5)]
    assert observing.report(site, told) == Reported(changed=2, unchanged=3)
    assert {view.execution.owner for view in rows(ports)} == {SEVEN}
    assert [event.detail for event in audited(ports)][:2] == [
        f"of user '7', before of user 'site'; and {more} more, up to {view.execution.id}"
        for more, view in ((1, rows(ports)[0]), (2, rows(ports)[2]))
    ]


def test_who_tells_of_its_user_only_hands_over_what_it_told_of_before(observing, ports, site):
    observing.report(site, [of_nobody()])
    assert observing.report(site, [report("c-1", SEVEN, "STARTED", is_known=False)]) == Reported(changed=1)
    assert only(ports).execution.owner == SEVEN
    # That was no registration: the first one still says what it is.
    assert observing.report(site, [report("c-2", SEVEN, is_known=False)]) == Reported(unknown=1)


def test_a_registration_says_what_a_run_is_that_its_users_process_has_told_of(observing, registering, ports, site):
    observing.report(site, [report("c-1", SEVEN, metadata={"a": 1})])
    registering.register(site, of_user())
    view = only(ports)
    assert (view.execution.module, view.detail.task_args) == ("mails", [1])
    assert view.execution.metadata == {"source": "manual_trigger", "a": 1}
    registering.register(site, of_user(module="other"))
    assert only(ports) == view
    assert len(audited(ports)) == 2


def test_what_it_begins_with_is_one_more_word_of_how_it_stands(observing, registering, ports, site):
    observing.report(site, [of_nobody(status="RETRY"), of_nobody("c-2", "SUCCESS")])
    registering.register_many(site, [of_user(status=ExecutionStatus.STARTED), of_user(task_id="c-2", status="FAILURE")])
    assert [view.execution.status for view in rows(ports)] == ["SUCCESS", "RETRY"]
    observing.report(site, [of_nobody("c-3")])
    registering.register(site, of_user(task_id="c-3", status=ExecutionStatus.FAILURE))
    assert rows(ports)[0].execution.status is ExecutionStatus.FAILURE


def test_named_once_it_moves_no_more(observing, registering, ports, site):
    observing.report(site, [of_nobody()])
    first = registering.register(site, of_user()).execution
    second = registering.register(site, of_user(EIGHT)).execution
    assert (second.id != first.id, second.owner) == (True, EIGHT)
    # What names nobody is of the one that was recorded first.
    observing.report(site, [of_nobody(status="SUCCESS")])
    assert [view.execution.status for view in rows(ports)] == ["PENDING", "SUCCESS"]
    assert [view.execution.owner for view in rows(ports)] == [EIGHT, SEVEN]


def test_what_a_view_registers_with_nobody_logged_in_is_its_own_for_good(observing, registering, ports, site):
    observing.report(site, [of_nobody()])
    own = registering.register(site, of_user(SITE)).execution
    assert only(ports).execution == own
    assert (own.owner, own.module, own.status) == (SITE, "mails", "STARTED")
    registering.register(site, of_user())
    assert [view.execution.owner for view in rows(ports)] == [SEVEN, SITE]


def test_a_user_who_is_the_reporter_itself_is_a_named_one(observing, registering, ports, site):
    observing.report(site, [report("c-1", SITE)])
    registering.register(site, of_user())
    assert {view.execution.owner for view in rows(ports)} == {SEVEN, SITE}


def test_what_an_app_tells_of_first_is_handed_over_by_who_sees_everybodys(observing, registering, ports, site, narrow):
    sightings = [Sighting(task_id="c-1", task_name="shop.mail", observation=seen(occurred_at=1))]
    observing.receive(APP, sightings)
    assert only(ports).execution.owner == OPS
    registering.register(site, of_user())
    run = only(ports).execution
    assert (run.owner, run.app, run.status) == (SEVEN, "shop-app", "STARTED")
    assert observing.receive(APP, sightings) == Reported(unchanged=1)
    # Who does not see that row may not take it away.
    observing.receive(APP, [replace(sightings[0], task_id="c-2")])
    registering.register(narrow, of_user(task_id="c-2"))
    assert [view.execution.owner for view in rows(ports)[:2]] == [SEVEN, OPS]


def test_what_an_app_tells_of_first_for_the_user_of_its_processes_and_views_is_theirs(
    observing, registering, ports, narrow
):
    app = App(owner=SITE, told=frozenset({"site", "7"}))
    observing.receive(app, [Sighting(task_id="c-1", task_name="shop.mail", observation=seen(occurred_at=1))])
    assert observing.report(narrow, [of_nobody(status="SUCCESS")]) == Reported(changed=1)
    registering.register(narrow, of_user())
    run = only(ports).execution
    assert (run.owner, run.status) == (SEVEN, "SUCCESS")


@pytest.mark.parametrize("who", ["stranger", "other_service", "admin_without_the_grant"])
def test_who_may_not_hand_it_over_hears_nothing_of_it(
    observing, registering, ports, site, stranger, narrow, admin, who
):
    observing.report(site, [of_nobody()])
    before = only(ports)
    other = {"stranger": stranger, "other_service": replace(narrow, owner=OPS), "admin_without_the_grant": admin}[who]
    own = registering.register(other, of_user(other.owner)).execution
    assert own.id != before.execution.id
    assert own.status is ExecutionStatus.PENDING
    assert rows(ports)[1] == before


def test_who_tells_of_an_id_before_its_app_does_forges_nothing_of_that_run(
    observing, registering, ports, site, stranger
):
    forged = report("c-1", stranger.owner, "FAILURE", is_named=False, error="forged")
    observing.report(stranger, [forged])
    before = only(ports)
    registering.register(site, of_user())
    observing.report(site, [of_nobody(status="SUCCESS")])
    run, its = [view.execution for view in rows(ports)]
    assert (run.owner, run.status, run.error) == (SEVEN, "SUCCESS", "")
    assert its == before.execution
    # Its own it may register as it may any.
    assert registering.register(stranger, of_user(stranger.owner)).execution.id == its.id


def test_who_sees_its_own_alone_tells_of_what_it_has_named_the_user_of(observing, registering, ports, narrow):
    observing.report(narrow, [of_nobody()])
    registering.register(narrow, of_user())
    assert observing.report(narrow, [of_nobody(status="SUCCESS")]) == Reported(changed=1)
    run = only(ports).execution
    assert (run.status, run.owner) == ("SUCCESS", SEVEN)
    # Where the view comes first as well.
    registering.register(narrow, of_user(task_id="c-2"))
    assert observing.report(narrow, [of_nobody("c-2")]) == Reported(changed=1)
    assert len(rows(ports)) == 2
    # Without the grant it may tell of its own alone.
    without = replace(narrow, grants=frozenset())
    assert observing.report(without, [of_nobody(status="FAILURE")]) == Reported(recorded=1)


def test_counts_bytes_and_what_filters_find_go_with_it(observing, registering, ports, site, database):
    observing.report(site, [of_nobody(metadata={"a": 1}), of_nobody("c-2", metadata={"a": 1})])
    list(Folding(database).sweep())
    observing.report(site, [report("c-1", SEVEN, "SUCCESS", result_json='"xyz"')])
    registering.register(site, of_user(task_id="c-2"))
    with database.read():
        assert difference() == {}
        for owner, module, count in ((SITE, "", 0), (SEVEN, "", 2), (SEVEN, "shop", 1), (SEVEN, "mails", 1)):
            assert rollups.count(ExecutionFilter(owner_id=owner.id, module=module)) == (count, False)
        assert {row.owner for row in AttributeRow.select()} == {"7"}
        held = [usage.stored(owner.id) for owner in (SITE, SEVEN)]
    assert held[0] == (0, 0)
    assert held[1] == really_held() != (0, 0)
    list(Folding(database).sweep())
    with database.read():
        assert difference() == {}


def test_for_a_user_with_no_room_it_stays_and_moves_where_it_is(observing, ports, site):
    limited = replace(ports, limits=Limits(quotas=Quotas(Quota(), {"7": Quota(executions=1)})))
    observing, registering = Observing(limited), Registering(limited)
    registering.register(site, of_user(task_id="c-0"))
    observing.report(site, [of_nobody()])
    with pytest.raises(QuotaExceeded):
        registering.register(site, of_user())
    assert observing.report(site, [report("c-1", SEVEN, "SUCCESS")]) == Reported(changed=1)
    run = rows(ports)[0].execution
    assert (run.owner, run.status) == (SITE, "SUCCESS")
    # Once there is room it goes.
    with ports.database.write():
        ExecutionRow.delete().where(ExecutionRow.registered_task_id == "c-0").execute()
    Registering(replace(limited)).register(site, of_user())
    assert only(ports).execution.owner == SEVEN


def test_metadata_that_has_no_room_beside_that_of_the_registration_goes(observing, registering, ports, site):
    observing.report(site, [of_nobody(metadata={"a": "x" * 60_000})])
    registering.register(site, of_user(metadata={"b": "x" * 60_000}))
    assert only(ports).execution.metadata == {"b": "x" * 60_000}


def test_it_dies_in_the_midst_and_it_is_nobody_elses(observing, registering, ports, site, monkeypatch):
    observing.report(site, [of_nobody()])
    before = only(ports)
    store = tracked.attribute

    def die(runs):
        store(runs)
        raise SystemExit

    monkeypatch.setattr(tracked, "attribute", die)
    for act in (
        lambda: registering.register(site, of_user()),
        lambda: observing.report(site, [report("c-1", SEVEN)]),
    ):
        with pytest.raises(SystemExit):
            act()
        assert only(ports) == before
    assert len(audited(ports)) == 1


def test_where_its_user_has_recorded_it_at_the_same_moment_it_begins_anew(
    observing, registering, ports, site, monkeypatch
):
    observing.report(site, [of_nobody(), of_nobody("c-2")])
    attribute = tracked.attribute

    def after_another(runs):
        monkeypatch.setattr(tracked, "attribute", attribute)
        # Here it goes with the transaction; that of another server would stay, and be found.
        assert executions.insert(of_user().execution(1), [], {}, publish_after=NEVER)
        attribute(runs)

    monkeypatch.setattr(tracked, "attribute", after_another)
    registering.register_many(site, [of_user(), of_user(task_id="c-2")])
    assert {view.execution.owner for view in rows(ports)} == {SEVEN}
    assert len(rows(ports)) == 2


def test_what_was_recorded_before_this_was_kept_stays_with_its_owner(observing, registering, ports, site, database):
    observing.report(site, [of_nobody()])
    with database.write():
        ExecutionRow.update(named_by=None, is_registered=1, ordinal=None).execute()
    before = only(ports)
    registering.register(site, of_user())
    registering.register(site, of_user(SITE))
    assert rows(ports)[1] == before
    assert [view.execution.owner for view in rows(ports)] == [SEVEN, SITE]


@pytest.mark.parametrize("teller", ["site", "narrow"])
@pytest.mark.parametrize("has_others", [False, True], ids=["new", "beside another's"])
def test_views_and_processes_that_tell_of_the_same_runs_at_once_make_one_row_of_each(
    observing, registering, ports, database, request, stranger, teller, has_others
):
    caller = request.getfixturevalue(teller)
    ids = [f"c-{number}" for number in range(30)]
    if has_others:
        registering.register_many(stranger, [registration(each, stranger.owner) for each in ids])
    orders = itertools.count()

    def tell() -> None:
        number = next(orders)
        order = random.Random(number)
        if number % 2:
            order.shuffle(said := [of_user(task_id=each) for each in ids])
            for begin in range(0, len(said), 10):
                registering.register_many(caller, said[begin : begin + 10])
            return
        told = [of_nobody(each, status) for each in ids for status in ("PENDING", "STARTED", "SUCCESS")]
        order.shuffle(told)
        for begin in range(0, len(told), 15):
            observing.report(caller, told[begin : begin + 15])

    at_once(database, 4, tell)
    found = [view.execution for view in rows(ports) if view.execution.owner != stranger.owner]
    assert sorted(run.task_id for run in found) == sorted(ids)
    assert {run.owner for run in found} == {SEVEN}
    if not (has_others and teller == "site"):
        # There what names nobody may mean the other one's.
        assert {run.status for run in found} == {ExecutionStatus.SUCCESS}
    with database.read():
        assert difference() == {}
        assert usage.stored("site") == (0, 0)


#: All that is told of one run, each as it may come alone; what was seen has its time.
_AT = 1_000_000 * SECOND
TOLD = {
    "published": of_nobody(status="PENDING", occurred_at=_AT, queue="q", metadata={"celery_root_id": "r"}),
    "published by name": report("c-1", SEVEN, "PENDING", occurred_at=_AT, metadata={"b": 2}),
    "begun": of_nobody(status="STARTED", occurred_at=_AT + SECOND, worker="w"),
    "ended": of_nobody(status="FAILURE", occurred_at=_AT + 2 * SECOND, error="no", traceback="t", is_known=False),
    "sighted": Sighting(task_id="c-1", task_name="shop.mail", observation=seen(occurred_at=_AT + SECOND, worker="w")),
    "registered": of_user(app="shop-app"),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    order=st.permutations(sorted(TOLD) * 2),
    left_out=st.sets(st.sampled_from(["published", "published by name", "begun", "sighted"])),
    together=st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_whatever_comes_first_and_twice_it_is_one_row_with_the_same_in_it(
    observing, registering, ports, site, database, clock, order, left_out, together
):
    def tell(names, sizes) -> object:
        with database.write():
            ExecutionRow.delete().execute()
        names = iter([name for name in names if name not in left_out])
        for size in sizes:
            some = [TOLD[name] for name in itertools.islice(names, size)]
            observing.report(site, [each for each in some if isinstance(each, Report)])
            observing.receive(APP, [each for each in some if isinstance(each, Sighting)])
            if said := [each for each in some if not isinstance(each, Report | Sighting)]:
                registering.register_many(site, said)
        view = only(ports)
        return replace(view, execution=replace(view.execution, id="", revision=0))

    # A run that nobody registers in time is told of once more at its end.
    found = tell([*order, "ended"], [*together, 99])
    expected = tell(["registered", *sorted(set(TOLD) - {"registered"})], [1] * len(TOLD))
    assert found == expected
    assert (found.execution.owner, found.execution.status) == (SEVEN, "FAILURE")
    assert (found.execution.module, found.detail.task_args) == ("mails", [1])
