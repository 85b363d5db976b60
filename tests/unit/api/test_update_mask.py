"""A mask says which fields are the request's: those, no others, and what goes with an action or a schedule that was replaced."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import field_mask_pb2, json_format
from hypothesis import given
from hypothesis import strategies as st

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.field_behavior import output_only
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields

SAID_BY_CALLERS = [
    field.name
    for field in task_pb2.Task.DESCRIPTOR.fields
    if field.name not in output_only(task_pb2.Task.DESCRIPTOR) | {"etag"}
]
#: What all choices leave free to be masked by itself.
PLAIN = [name for name in SAID_BY_CALLERS if task_pb2.Task.DESCRIPTOR.fields_by_name[name].containing_oneof is None]

CODE = {
    "name": "code",
    "function_code": "def f(): return 1",
    "function_name": "f",
    "task_args": [1],
    "task_kwargs": {"a": {"b": 1, "c": 2}, "d.e": 3},
    "metadata": {"k": "v", "n": {"x": [1]}},
    "retry_policy": {"max_retries": 3, "jitter": 0.5},
    "queue": "q",
    "module": "billing",
    "timeout": 5,
}
HTTP = {
    "name": "call",
    "api_url": "https://example.com/",
    "method": "POST",
    "headers": {"X-A": "a", "X-B": "b"},
    "params": {"p": 1},
    "data": {"x": {"y": 1}, "z": 2},
    "expected_status": [200, 201],
}
CRON = CODE | {
    "cron_expression": "0 0 * * *",
    "time_zone": "Asia/Shanghai",
    "max_runs": 5,
    "overlap_policy": "QUEUE_ONE",
}


def message(value: dict[str, Any]) -> task_pb2.Task:
    return json_format.ParseDict(value, task_pb2.Task())


def plain(task: task_pb2.Task) -> dict[str, Any]:
    return json_format.MessageToDict(task, preserving_proto_field_name=True)


def merge(
    stored: task_pb2.Task | dict[str, Any], said: task_pb2.Task | dict[str, Any], paths: list[str]
) -> task_pb2.Task:
    stored, said = (value if isinstance(value, task_pb2.Task) else message(value) for value in (stored, said))
    request = task_service_pb2.UpdateTaskRequest(task=said, update_mask=field_mask_pb2.FieldMask(paths=paths))
    return merged(stored, request, Violations())


def refused(stored: dict[str, Any], said: dict[str, Any], paths: list[str]) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        merge(stored, said, paths)
    return {violation.field: violation.description for violation in caught.value.violations}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "c.d"]), json_values, max_size=3)
words = st.text("abc", max_size=5)


@st.composite
def tasks(draw: st.DrawFn) -> task_pb2.Task:
    """A task with any fields set, valid or not: to merge them is all the same."""
    value: dict[str, Any] = {
        "name": draw(words),
        "function_name": draw(words),
        "task_args": draw(st.lists(json_values, max_size=2)),
        "task_kwargs": draw(objects),
        "method": draw(words),
        "headers": draw(st.dictionaries(words, words, max_size=2)),
        "params": draw(objects),
        "data": draw(json_values),
        "expected_status": draw(st.lists(st.integers(200, 299), max_size=2)),
        "time_zone": draw(words),
        "start_at": "2026-01-01T00:00:00Z",
        "max_runs": draw(st.integers(0, 9)),
        "misfire_policy": draw(st.integers(0, 3)),
        "timeout": draw(st.integers(0, 9)),
        "retry_policy": {
            "max_retries": draw(st.integers(0, 9)),
            "retry_statuses": draw(st.lists(st.just(500), max_size=1)),
        },
        "module": draw(words),
        "metadata": draw(objects),
    }
    kept = {name: part for name, part in value.items() if draw(st.booleans())}
    action = draw(st.sampled_from([{}, {"function_code": "x"}, {"api_url": "y"}, {"celery_task": {"app": "z"}}]))
    schedule = draw(
        st.sampled_from([{}, {"delay_seconds": 0}, {"run_at": "2026-01-01T00:00:00Z"}, {"cron_expression": "e"}])
    )
    return message(kept | action | schedule)


@given(tasks(), tasks(), st.sets(st.sampled_from(PLAIN)))
def test_masked_fields_are_the_requests_and_all_others_the_stored_ones(
    stored: task_pb2.Task, said: task_pb2.Task, mask: set[str]
) -> None:
    result = plain(merge(stored, said, sorted(mask) or ["name"]))
    mask = mask or {"name"}
    wanted = {name: part for name, part in plain(stored).items() if name not in mask and name != "task_type"}
    wanted |= {name: part for name, part in plain(said).items() if name in mask}
    assert result == wanted


@given(tasks(), tasks())
def test_an_empty_mask_stands_for_what_is_set(stored: task_pb2.Task, said: task_pb2.Task) -> None:
    named = [field.name for field, _ in said.ListFields()]
    if named:
        assert merge(stored, said, []) == merge(stored, said, named)
    else:
        assert plain(merge(stored, said, [])) == plain(stored)


@given(tasks(), tasks())
def test_a_star_replaces_everything(stored: task_pb2.Task, said: task_pb2.Task) -> None:
    assert merge(stored, said, ["*"]) == said


@given(tasks(), tasks(), st.permutations(SAID_BY_CALLERS))
def test_the_order_of_the_paths_counts_for_nothing(
    stored: task_pb2.Task, said: task_pb2.Task, paths: list[str]
) -> None:
    some = paths[: len(paths) // 2]
    assert merge(stored, said, some) == merge(stored, said, some[::-1])


def test_what_only_the_service_says_is_ignored() -> None:
    said = {
        "task_id": "x",
        "status": "SUCCESS",
        "run_count": 7,
        "etag": "3",
        "name": "new",
        "created_by": {"id": "eve"},
    }
    ignored = [
        *sorted(output_only(task_pb2.Task.DESCRIPTOR)),
        "etag",
        "created_by.id",
        "last_execution.status",
        "run_count.x",
    ]
    assert plain(merge(CODE, said, [*ignored, "name"])) == CODE | {"name": "new"}
    assert plain(merge(CODE, said, [])) == CODE | {"name": "new"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("colour", "'colour' is no field of Task"),
        ("functionCode", "write it as in the protos"),
        ("", "is no path"),
        (".name", "is no path"),
        ("name.", "is no path"),
        ("name..x", "is no path"),
        ("meta`data", "is no path"),
        ("metadata." + "x." * 600 + "x", "is no path"),
        ("name.first", "'name' is changed as a whole"),
        ("task_args.0", "'task_args' is changed as a whole"),
        ("expected_status.0", "'expected_status' is changed as a whole"),
        ("response_assertions.0", "'response_assertions' is changed as a whole"),
        ("run_at.seconds", "'run_at' is changed as a whole"),
        ("retry_policy.colour", "'colour' is no field of RetryPolicy"),
        ("retry_policy.retry_statuses.x", "'retry_statuses' is changed as a whole"),
        ("*", "stands alone"),
    ],
)  # fmt: skip
def test_a_path_that_names_nothing_is_told_with_its_place(path: str, words: str) -> None:
    found = refused(CODE, {"name": "x"}, ["name", path, "nothing"])
    assert set(found) == {"update_mask.paths[1]", "update_mask.paths[2]"}
    assert words in found["update_mask.paths[1]"]


def test_more_paths_than_a_task_can_need_are_refused() -> None:
    assert "at most 1,000, not 1,001" in refused(CODE, {}, ["name"] * 1001)["update_mask.paths"]


@pytest.mark.parametrize(
    ("stored", "said", "paths", "change"),
    [
        (
            CODE,
            {"retry_policy": {"max_retries": 5}},
            ["retry_policy.max_retries"],
            {"retry_policy": {"max_retries": 5, "jitter": 0.5}},
        ),
        (
            CODE | {"concurrency_key": "k", "start_rate": {"count": 1, "seconds": 2}},
            {"start_rate": {"count": 7}},
            ["start_rate.count"],
            {"concurrency_key": "k", "start_rate": {"count": 7, "seconds": 2}},
        ),
        (CODE, {}, ["retry_policy.jitter"], {"retry_policy": {"max_retries": 3}}),
        (CODE, {"retry_policy": {"max_retries": 5}}, ["retry_policy"], {"retry_policy": {"max_retries": 5}}),
        (CODE, {"metadata": {"k": 1, "other": 2}}, ["metadata.k"], {"metadata": {"k": 1, "n": {"x": [1]}}}),
        (CODE, {"metadata": {"k": None}}, ["metadata.k"], {"metadata": {"k": None, "n": {"x": [1]}}}),
        (CODE, {}, ["metadata.k"], {"metadata": {"n": {"x": [1]}}}),
        (CODE, {}, ["metadata.k", "metadata.n.x", "metadata.none"], {"metadata": {"n": {}}}),
        (
            CODE,
            {"metadata": {"k": {"deep": {"er": 1}}}},
            ["metadata.k.deep.er"],
            {"metadata": {"k": {"deep": {"er": 1}}, "n": {"x": [1]}}},
        ),
        (CODE, {"task_kwargs": {"d.e": 4}}, ["task_kwargs.d.e"], {"task_kwargs": {"a": {"b": 1, "c": 2}, "d.e": 4}}),
        (CODE, {"task_kwargs": {"d.e": 4}}, ["task_kwargs.`d.e`"], {"task_kwargs": {"a": {"b": 1, "c": 2}, "d.e": 4}}),
        (CODE, {}, ["task_kwargs.`d.e`", "task_kwargs.a.b"], {"task_kwargs": {"a": {"c": 2}}}),
        (HTTP, {"data": {"x": {"y": 9}}}, ["data.x.y"], {"data": {"x": {"y": 9}, "z": 2}}),
        (HTTP | {"data": [1]}, {"data": {"x": 1}}, ["data.x"], {"data": {"x": 1}}),
        (HTTP | {"data": [1]}, {}, ["data.x"], {"data": [1]}),
        (HTTP, {"headers": {"X-B": "new", "X-C": "c"}}, ["headers.X-B", "headers.X-A"], {"headers": {"X-B": "new"}}),
        (HTTP, {"headers": {"a.b": "1"}}, ["headers.a.b"], {"headers": {"X-A": "a", "X-B": "b", "a.b": "1"}}),
    ],
)
def test_a_path_may_go_into_a_field(
    stored: dict[str, Any], said: dict[str, Any], paths: list[str], change: dict[str, Any]
) -> None:
    assert plain(merge(stored, said, paths)) == stored | change


def test_a_json_value_that_can_not_be_stored_is_told_with_its_field() -> None:
    said = message({"metadata": {}})
    said.metadata.fields["k"].number_value = float("nan")
    with pytest.raises(InvalidFields, match=r"task.metadata: NaN and infinity are not JSON numbers"):
        merge(message(CODE), said, ["metadata.k"])


def test_another_action_takes_the_place_of_the_stored_one_and_of_what_belongs_to_it() -> None:
    common = {name: CODE[name] for name in ("name", "metadata", "retry_policy", "queue", "module", "timeout")}
    assert plain(merge(CODE, {"api_url": "https://x/"}, ["api_url"])) == common | {"api_url": "https://x/"}
    back = merge(HTTP, {"function_code": "c", "function_name": "g"}, [])
    assert plain(back) == {"name": "call", "function_code": "c", "function_name": "g"}
    # What the mask itself names stays, and is refused when the whole is checked.
    assert plain(merge(CODE, {"api_url": "https://x/"}, ["api_url", "function_name"])) == common | {
        "api_url": "https://x/"
    }
    kept = merge(CODE, {"api_url": "https://x/", "function_name": "f"}, ["api_url", "function_name"])
    assert kept.function_name == "f"


def test_naming_an_action_that_is_not_set_takes_away_only_that_one() -> None:
    assert merge(CODE, {}, ["api_url"]) == message(CODE)
    gone = merge(CODE, {}, ["function_code"])
    assert gone.WhichOneof("action") is None
    assert gone.function_name == ""


def test_another_schedule_takes_what_belongs_to_cron_along() -> None:
    assert plain(merge(CRON, {"delay_seconds": 5}, [])) == CODE | {"delay_seconds": 5.0}
    again = merge(CRON, {"cron_expression": "1 0 * * *"}, [])
    assert plain(again) == plain(message(CRON)) | {"cron_expression": "1 0 * * *"}


def test_the_type_follows_from_the_schedule_unless_it_is_said() -> None:
    assert merge(CODE | {"task_type": "immediate"}, {"delay_seconds": 5}, []).task_type == ""
    assert merge(CODE | {"task_type": "immediate"}, {"task_type": "delayed"}, []).task_type == "delayed"
