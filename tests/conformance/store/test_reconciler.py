"""The threads that look up runs: an app whose backend hangs delays no other app."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.acceptance.acceptance_stack import eventually
from tests.conformance.store.test_usecases_syncing import (
    BILLING,
    SHOP,
    WEEK,
    Backends,
    make_due,
    present,
    register,
    result,
)

from task_server.domain.observation import Observation
from task_server.domain.status import ExecutionStatus
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.reconciler import Reconciler
from task_server.usecases.observing import Observing
from task_server.usecases.reconciling import Reconciling


class Hanging(Backends):
    """The shop's backend does not answer until it may."""

    def __init__(self, *apps: TrackedApp) -> None:
        super().__init__(*apps)
        self.may_answer = threading.Event()
        self.is_asked = threading.Event()

    def look_up(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Observation]:
        if app is SHOP:
            self.is_asked.set()
            self.may_answer.wait(60)
        return super().look_up(app, task_ids)


def test_a_backend_that_hangs_delays_nobody_else(ports, caller) -> None:
    backends = Hanging(SHOP, BILLING)
    stuck, free = register(ports, caller, "s-1"), register(ports, caller, "b-1", "billing")
    backends.known |= {"s-1": result(), "b-1": result()}
    make_due(ports)
    reconciling = Reconciling(ports, Observing(ports), WEEK)
    reconcilers = [Reconciler(app, ports.database, reconciling, backends) for app in (SHOP, BILLING)]
    for each in reconcilers:
        each.start()
    assert backends.is_asked.wait(20)
    eventually(lambda: present(ports, free).status is ExecutionStatus.SUCCESS)
    assert present(ports, stuck).status is ExecutionStatus.PENDING
    backends.may_answer.set()
    eventually(lambda: present(ports, stuck).status is ExecutionStatus.SUCCESS)
    for each in reconcilers:
        each.close()
