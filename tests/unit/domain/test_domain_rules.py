"""Pages, callers and errors."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from task_server.domain import errors
from task_server.domain.errors import ExecutionNotFound, InvalidFields, TaskNotFound, TaskServiceError, Violation
from task_server.domain.listing import page_size
from task_server.domain.owner import Caller, Owner, Role

ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TaskServiceError)]


@pytest.mark.parametrize(
    ("requested", "rows"), [(0, 50), (1, 1), (50, 50), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)]
)
def test_a_page_has_what_was_asked_for_within_bounds(requested: int, rows: int) -> None:
    assert page_size(requested) == rows


@pytest.mark.parametrize(
    ("role", "owner", "may"),
    [(Role.EDITOR, "ann", True), (Role.EDITOR, "bob", False), (Role.ADMIN, "ann", True), (Role.ADMIN, "bob", True)],
)
def test_editors_see_their_own_rows_and_admins_all(role: Role, owner: str, may: bool) -> None:
    assert Caller(owner=Owner("ann", "Ann"), role=role, token_id="t").may_see(owner) is may


def test_values_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Owner("ann", "Ann").id = "bob"  # type: ignore[misc]


def test_wrong_fields_are_told_all_at_once() -> None:
    error = InvalidFields([Violation("task.name", "is required"), Violation("task.timeout", "must be a number")])
    assert error.message == "task.name: is required; task.timeout: must be a number"
    assert [violation.field for violation in error.violations] == ["task.name", "task.timeout"]


def test_errors_carry_their_facts_for_machines() -> None:
    assert TaskNotFound("t1").metadata == {"task_id": "t1"}
    assert ExecutionNotFound(id="e1").metadata == {"id": "e1"}
    assert "task_id 'c1'" in ExecutionNotFound(task_id="c1").message


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_says_when_it_is_raised(kind: type[TaskServiceError]) -> None:
    assert kind.__doc__
    assert kind.__doc__.endswith(".")
