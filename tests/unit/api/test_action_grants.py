"""Whose request names a part of an action needs the grant for that kind, whatever is stored."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import field_mask_pb2
from hypothesis import given
from hypothesis import strategies as st

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.action_grants import require_to_create, require_to_update
from task_server.api.validation.action import CODE_FIELDS, HTTP_FIELDS
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields, PermissionMissing
from task_server.domain.owner import Caller, Grant, Owner, Role

CODE = {"function_code": "def f(): return 1", "function_name": "f"}
API: dict[str, Any] = {"api_url": "https://example.com", "method": "POST", "headers": {"x": "y"}}
#: The fields of a task that say what it does, with the grant that each takes.
ACTION = {
    **dict.fromkeys(("function_code", *CODE_FIELDS), Grant.CREATE_CODE),
    **dict.fromkeys(("api_url", *HTTP_FIELDS), Grant.CREATE_API),
}


def caller(*grants: Grant) -> Caller:
    return Caller(Owner("ann", "Ann"), Role.ADMIN, "t", frozenset(grants))


def update(task: task_pb2.Task, *paths: str) -> task_service_pb2.UpdateTaskRequest:
    return task_service_pb2.UpdateTaskRequest(task=task, update_mask=field_mask_pb2.FieldMask(paths=paths))


def test_each_kind_of_task_needs_its_own_grant() -> None:
    code, api = task_pb2.Task(name="t", **CODE), task_pb2.Task(name="t", **API)
    require_to_create(caller(Grant.CREATE_CODE), code)
    require_to_create(caller(Grant.CREATE_API), api, api)
    require_to_create(caller(), task_pb2.Task(name="t"))
    for tasks, grant in (([code], Grant.CREATE_CODE), ([api], Grant.CREATE_API), ([api, code], Grant.CREATE_CODE)):
        with pytest.raises(PermissionMissing) as caught:
            require_to_create(caller(*set(Grant) - {grant}), *tasks)
        assert caught.value.metadata == {"permission": grant.value}


@pytest.mark.parametrize(("field", "grant"), ACTION.items())
def test_an_update_that_names_a_part_of_an_action_needs_the_grant(field: str, grant: Grant) -> None:
    others = caller(*set(Grant) - {grant})
    for paths in ([field], ["name", field], [f"`{field}`"], [f"{field}.x"]):
        require_to_update(caller(grant), update(task_pb2.Task(), *paths))
        with pytest.raises(PermissionMissing):
            require_to_update(others, update(task_pb2.Task(), *paths))


@pytest.mark.parametrize("paths", [[], ["*"], ["*", "name"]])
def test_without_names_what_is_set_counts(paths: list[str]) -> None:
    require_to_update(caller(), update(task_pb2.Task(name="t", timeout=3), *paths))
    for task, grant in ((task_pb2.Task(**CODE), Grant.CREATE_CODE), (task_pb2.Task(**API), Grant.CREATE_API)):
        require_to_update(caller(grant), update(task, *paths))
        with pytest.raises(PermissionMissing):
            require_to_update(caller(*set(Grant) - {grant}), update(task, *paths))


def test_other_changes_need_none() -> None:
    require_to_update(caller(), update(task_pb2.Task(**CODE), "name", "cron_expression", "retry_policy.max_retries"))


def test_each_field_of_a_task_says_what_it_does_or_is_known_to_say_something_else() -> None:
    about_it = {
        "task_id", "name", "task_type", "timeout", "retry_policy", "deadline_seconds", "queue", "module", "metadata",
        "priority", "delay_seconds", "run_at", "cron_expression", "time_zone", "start_at", "end_at", "max_runs",
        "misfire_policy", "misfire_window_seconds", "overlap_policy", "jitter_seconds", "celery_task", "etag",
        "concurrency_key", "max_concurrent", "start_rate",
    }  # fmt: skip
    output = {
        field.name
        for field in task_pb2.Task.DESCRIPTOR.fields
        if 3 in _behaviors(field)  # OUTPUT_ONLY
    }
    assert {field.name for field in task_pb2.Task.DESCRIPTOR.fields} - output - about_it == set(ACTION)


def _behaviors(field: Any) -> list[int]:
    from google.api import field_behavior_pb2

    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


_NAMES = [field.name for field in task_pb2.Task.DESCRIPTOR.fields]
_PATHS = st.one_of(
    st.sampled_from([*_NAMES, "*", *(f"`{name}`" for name in _NAMES), *(f"{name}.x" for name in _NAMES)]),
    st.lists(st.sampled_from(["function_code", "api_url", ".", "`", "*", "x", "headers"]), max_size=4).map("".join),
)
_STORED = [task_pb2.Task(name="t", **CODE), task_pb2.Task(name="t", **API)]
_GIVEN = [
    *_STORED,
    task_pb2.Task(name="n"),
    task_pb2.Task(**CODE, task_args=[]),
    task_pb2.Task(api_url="https://e.org"),
]


@given(st.sampled_from(_STORED), st.sampled_from(_GIVEN), st.lists(_PATHS, max_size=4))
def test_whoever_has_no_grant_changes_no_action(stored: task_pb2.Task, given: task_pb2.Task, paths: list[str]) -> None:
    request = update(given, *paths)
    try:
        require_to_update(caller(), request)
        result = merged(stored, request, Violations())
    except (PermissionMissing, InvalidFields):
        return
    if result.WhichOneof("action") is None and paths == ["*"]:
        return  # a task that does nothing: refused when it is checked
    for field in ACTION:
        assert getattr(result, field) == getattr(stored, field)
