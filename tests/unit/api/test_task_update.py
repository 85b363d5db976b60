"""UpdateTask from request to task: merged with what is stored, checked as a whole, and made anew where another one came first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import field_mask_pb2, json_format

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api import convert
from task_server.api.task_draft import Drafts, set_stored_secrets
from task_server.api.task_update import TaskUpdates
from task_server.api.threads import Threads
from task_server.api.validation.secrets import SecretTaker
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.errors import CheckerUnavailable, EtagMismatch, InvalidFields, TaskNotFound
from task_server.domain.owner import Caller
from task_server.domain.places import StartRate
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import MisfirePolicy, OverlapPolicy, Schedule
from task_server.domain.secret import SealedValue, SecretKind
from task_server.domain.status import FailureReason
from task_server.domain.task import TaskDefinition
from task_server.sandbox.ending import SandboxUnavailable
from task_server.sealing.fingerprints import Fingerprints
from task_server.sealing.sealer import Sealer
from task_server.store import tasks
from task_server.usecases.ports import Ports
from task_server.usecases.tasks import Tasks, new_task
from task_server.usecases.updating import Updating

Define = Callable[..., TaskDefinition]


class World:
    """UpdateTask on a real database; what checking code finds is up to the test."""

    def __init__(self, ports: Ports, threads: Threads) -> None:
        self.tasks, self.updating, self.threads = Tasks(ports), Updating(ports), threads
        self.checks = Threads(1)
        self.checked: list[str] = []
        self.on_check: Callable[[], None] = lambda: None
        self.updates = TaskUpdates(updating=self.updating, drafts=self.drafts(), threads=threads, checks=self.checks)

    def drafts(self) -> Drafts:
        validator = TaskValidator(self._check, lambda _patterns: (), default_timeout=300.0, max_timeout=3600.0)
        return Drafts(validator, SecretTaker(Fingerprints(b"key")), Sealer())

    def _check(self, source: str, name: str) -> Sequence[Any]:
        self.checked.append(source)
        self.on_check()
        return ()

    async def create(self, caller: Caller, definition: TaskDefinition) -> str:
        return (await self.threads.run(self.tasks.create, caller, definition)).task.task_id

    async def update(self, caller: Caller, task_id: str, paths: Sequence[str] = (), **task: Any) -> task_pb2.Task:
        message = json_format.ParseDict({"task_id": task_id, **task}, task_pb2.Task())
        mask = field_mask_pb2.FieldMask(paths=paths)
        request = task_service_pb2.UpdateTaskRequest(task=message, update_mask=mask)
        view = await self.updates.update(caller, request)
        return convert.task(view.task, view.last_execution, view.detail, full=True)


@pytest.fixture
def world(ports: Ports, threads: Threads) -> Iterator[World]:
    world = World(ports, threads)
    yield world
    world.checks.close()


RETRIES = RetryPolicy(max_retries=3, jitter=0.5, retry_reasons=(FailureReason.TIMEOUT, FailureReason.EXCEPTION))
EVERYTHING = [
    TaskDefinition(
        name="code",
        action=CodeAction(
            function_code="def f(): ...", function_name="f", args=[1, 2.5, None, {"a": [True]}], kwargs={"k": 1e300, "ü": ""}
        ),
        schedule=Schedule(
            cron_expression="*/5 * * * *",
            time_zone="Asia/Shanghai",
            start_at=1_000_000,
            end_at=253_402_300_799_000_000,
            max_runs=7,
            misfire_policy=MisfirePolicy.FIRE_ALL,
            misfire_window_seconds=77.0,
            overlap_policy=OverlapPolicy.CANCEL_RUNNING,
            jitter_seconds=1.5,
        ),
        timeout=12.5,
        retry_policy=RETRIES,
        deadline_seconds=99.0,
        queue="q",
        module="m",
        concurrency_key="k",
        max_concurrent=3,
        start_rate=StartRate(5, 0.5),
        metadata={"deep": {"er": [1, {"x": None}]}},
    ),
    TaskDefinition(
        name="call",
        action=HttpAction(
            url="https://example.com/",
            method="POST",
            headers={"X-A": "b"},
            params={"p": [1, "x"]},
            data={"d": [1]},
            has_data=True,
            expected_status=(200, 404),
            response_assertions=(
                ResponseAssertion(subject=Subject.HEADER, name="X-Own", condition=Condition.EXISTS, value=False),
                ResponseAssertion(
                    subject=Subject.JSON, name="$.a[-1]", keys=("a", -1), condition=Condition.EQUALS, value={"b": None}
                ),
            ),
            sealed=(
                SealedValue(kind=SecretKind.HEADER, name="X-B", fingerprint="1" * 16),
                SealedValue(kind=SecretKind.VALUE, name="b", fingerprint="2" * 16),
            ),
        ),
        schedule=Schedule(delay_seconds=0.25),
        timeout=1.0,
        retry_policy=replace(RETRIES, retry_reasons=(), retry_statuses=(503,)),
    ),
    TaskDefinition(
        name="raw",
        action=HttpAction(url="https://example.com/", raw_body_base64="AAH/"),
        schedule=Schedule(run_at=1_767_225_600_000_001),
        timeout=300.0,
    ),
]  # fmt: skip


@pytest.mark.parametrize("definition", EVERYTHING, ids=lambda definition: definition.name)
def test_a_definition_that_becomes_a_message_and_back_is_the_same(
    world: World, ann: Caller, definition: TaskDefinition
) -> None:
    message = convert.task(new_task(ann.owner, definition, 0), None, None, full=True)
    set_stored_secrets(message, definition)
    assert world.drafts().draft(ann.owner.id, message, Violations(), stored=definition).definition == definition


@pytest.mark.parametrize("kind", [TaskDefinition, Schedule, CodeAction, HttpAction, RetryPolicy])
def test_each_field_of_a_definition_has_a_value_above(kind: Any) -> None:
    # One that is added must come through the message too, or an update would lose it.
    parts = [part for each in EVERYTHING for part in (each, each.schedule, each.action, each.retry_policy)]
    for field in dataclasses.fields(kind):
        values = [getattr(part, field.name) for part in parts if isinstance(part, kind)]
        assert any(values), field.name


async def test_what_is_not_masked_stays_and_the_whole_is_checked(world: World, ann: Caller, definition: Define) -> None:
    task_id = await world.create(ann, definition(name="old", module="m"))

    task = await world.update(ann, task_id, timeout=9, module="new")

    assert (task.name, task.module, task.timeout, task.function_name) == ("old", "new", 9.0, "f")
    assert world.checked == [task.function_code]
    with pytest.raises(InvalidFields) as caught:
        await world.update(ann, task_id, ["name", "timeout", "queue", "function_name"], queue="a b", timeout=-1)
    fields = {violation.field for violation in caught.value.violations}
    assert fields == {"task.name", "task.timeout", "task.queue", "task.function_name"}
    assert (await world.update(ann, task_id)).etag == task.etag


async def test_an_empty_value_in_the_mask_means_the_default(world: World, ann: Caller, definition: Define) -> None:
    task_id = await world.create(ann, definition(module="m"))
    task = await world.update(ann, task_id, ["module", "timeout", "queue", "task_type"])
    assert (task.module, task.timeout, task.queue, task.task_type) == ("", 300.0, "default", "immediate")


async def test_a_task_id_is_needed(world: World, ann: Caller) -> None:
    with pytest.raises(InvalidFields, match=r"task\.task_id: is required"):
        await world.update(ann, "", name="n")
    with pytest.raises(TaskNotFound):
        await world.update(ann, "no-such-task", name="n")


async def test_another_update_between_reading_and_writing_is_not_undone(
    world: World, ann: Caller, definition: Define
) -> None:
    task_id = await world.create(ann, definition())
    modules = iter(["theirs"])

    def come_between() -> None:
        for module in modules:
            base = world.updating.read(ann, task_id, "")
            assert world.updating.update(ann, base, "", replace(base.definition, module=module))

    world.on_check = come_between
    task = await world.update(ann, task_id, name="mine")
    assert (task.name, task.module) == ("mine", "theirs")
    assert len(world.checked) == 2


async def test_who_gave_an_etag_hears_of_the_other_update(world: World, ann: Caller, definition: Define) -> None:
    task_id = await world.create(ann, definition())
    etag = (await world.update(ann, task_id)).etag
    task = await world.update(ann, task_id, etag=etag, name="mine")
    with pytest.raises(EtagMismatch):
        await world.update(ann, task_id, etag=etag, name="again")
    assert (await world.update(ann, task_id, etag=task.etag, name="again")).name == "again"


async def test_who_never_gets_through_hears_of_it(world: World, ann: Caller, definition: Define) -> None:
    task_id = await world.create(ann, definition())

    def come_between() -> None:
        base = world.updating.read(ann, task_id, "")
        assert world.updating.update(ann, base, "", replace(base.definition, module=f"m{len(world.checked)}"))

    world.on_check = come_between
    with pytest.raises(EtagMismatch):
        await world.update(ann, task_id, name="mine")
    assert len(world.checked) == 5


async def test_a_checker_that_is_away_is_told(world: World, ann: Caller, definition: Define) -> None:
    task_id = await world.create(ann, definition())

    def fail() -> None:
        raise SandboxUnavailable("gone")

    world.on_check = fail
    with pytest.raises(CheckerUnavailable):
        await world.update(ann, task_id, name="mine")


async def test_a_schedule_that_is_over_does_not_keep_the_rest_from_being_changed(
    world: World, ann: Caller, definition: Define, ports: Ports
) -> None:
    schedule = Schedule(cron_expression="* * * * * *", end_at=ports.database.now() + 2_000_000)
    task_id = await world.create(ann, definition(schedule=schedule))
    over = replace(schedule, end_at=1_000_000)
    base = world.updating.read(ann, task_id, "")
    with pytest.raises(InvalidFields, match=r"task\.end_at: must leave time for at least one firing"):
        world.updating.update(ann, base, "", replace(base.definition, schedule=over))
    with pytest.raises(InvalidFields, match=r"task\.end_at: must leave time for at least one firing"):
        await world.update(ann, task_id, end_at="1970-01-01T00:00:01Z")
    with ports.database.write():
        tasks.update_definition(replace(base, definition=replace(base.definition, schedule=over)))
    assert (await world.update(ann, task_id, name="new")).name == "new"
