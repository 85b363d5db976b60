"""Which of the configured apps a run belongs to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration
from task_server.domain.tracked_app import TrackedApp, app_of

BILLING = TrackedApp(name="billing", modules=("billing", "invoices*"))
INVOICES = TrackedApp(name="invoices", modules=("invoices.eu", "tax"))
REST = TrackedApp(name="rest")


def run(module: str = "", app: str = "", owner: str = "ann") -> Execution:
    registration = Registration(task_id="t", task_name="t", module=module, owner=Owner(owner, owner))
    return replace(registration.execution(0), app=app)


@pytest.mark.parametrize(
    ("execution", "apps", "name"),
    [
        (run("billing"), (BILLING, INVOICES, REST), "billing"),
        (run("billing.eu"), (BILLING, INVOICES), None),
        (run("invoices.eu"), (BILLING, INVOICES), "billing"),
        (run("tax"), (BILLING, INVOICES), "invoices"),
        (run("tax", app="billing"), (BILLING, INVOICES), "billing"),
        (run("billing", app="gone"), (BILLING,), None),
        (run("other"), (BILLING, REST), None),
        (run("other"), (REST,), "rest"),
        (run("other"), (BILLING,), None),
        (run("other"), (), None),
        (run("billing"), (replace(BILLING, owners=("bob",)),), None),
        (run("billing", owner="bob"), (replace(BILLING, owners=("bob",)),), "billing"),
    ],
)
def test_app_of(execution: Execution, apps: tuple[TrackedApp, ...], name: str | None) -> None:
    found = app_of(execution, apps)
    assert (found.name if found else None) == name


def test_the_module_of_a_run_that_nobody_registered() -> None:
    assert REST.module_of("shop.tasks.send") == "shop"
    assert BILLING.module_of("shop.tasks.send") == "shop"
    assert TrackedApp(name="a", modules=("billing",)).module_of("shop.tasks.send") == "billing"
    assert TrackedApp(name="a", modules=("billing*",)).module_of("shop.tasks.send") == "shop"
