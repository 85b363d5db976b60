"""A tracked Celery app with a real service, a real broker, and real workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.acceptance_stack import eventually
from tests.integration.celery_track_world import World, arguments, world

from task_manager import to_python
from task_manager.v1.execution_pb2 import TaskExecution

S = TaskExecution


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module", params=["prefork", "threads"])
def pool(house: World, request: pytest.FixtureRequest) -> Iterator[str]:
    worker = house.worker(request.param)
    yield request.param
    assert house.end(worker) == 0
    assert house.warnings(f"{request.param}.log") == []


def test_a_task_is_recorded_at_publish_before_any_worker_has_touched_it(house: World) -> None:
    # Nobody runs this queue.
    publish = "add.apply_async((1,), {'y': 2, 'iban': 'DE00', 'note': 'x' * 9000}, queue='idle', countdown=60).id"
    task_id = house.publish(publish, SHOP_USER="7")
    run = house.run(task_id)
    assert (run.status, run.task_name, run.module, run.queue) == (S.PENDING, "shop.tasks.add", "shop", "idle")
    assert run.created_by_id == "7"
    args, kwargs = arguments(run)
    assert (args, kwargs["y"], kwargs["iban"]) == ([1], 2, "[redacted]")
    assert kwargs["note"].endswith("xx[cut: 9,000 characters]") and len(kwargs["note"]) < 4_200
    assert to_python(run.metadata)["celery_eta"]
    assert house.rows(task_id) == 1


def test_success_is_told_with_its_result(house: World, pool: str) -> None:
    run = house.run(house.publish("add.delay(40, 2).id", SHOP_USER="7"), "SUCCESS")
    assert (to_python(run.result), run.created_by_id, run.error) == (42, "7", "")
    assert run.worker == "celery@house" and run.HasField("started_at") and run.HasField("finished_at")
    assert house.rows(run.task_id) == 1


def test_failure_is_told_in_one_line_without_secrets(house: World, pool: str) -> None:
    run = house.run(house.publish("log_in.delay('me', 'hunter2').id"), "FAILURE")
    assert run.error == "ValueError: no me at redis://me:[redacted]@host"
    assert "in log_in" in run.traceback
    assert arguments(run) == (["me", "[redacted]"], {})
    assert "hunter2" not in str(run)
    assert run.created_by_username == "shop", "without an owner it is the token's"


def test_retries_are_told_with_their_number(house: World, pool: str) -> None:
    run = house.run(house.publish("flaky.delay(2).id", SHOP_USER="8"), "SUCCESS")
    assert (run.retries, run.created_by_id) == (2, "8")
    assert to_python(run.result) == {"retries": 2, "session_id": "[redacted]"}
    assert house.rows(run.task_id) == 1
    run = house.run(house.publish("flaky.delay(9).id"), "FAILURE")
    assert (run.retries, run.error) == (3, "OSError: not yet")


def test_what_a_task_publishes_belongs_to_whom_it_does(house: World, pool: str) -> None:
    parent = house.run(house.publish("parent.delay().id", SHOP_USER="9"), "SUCCESS")
    child = house.run(to_python(parent.result), "SUCCESS")
    assert (child.created_by_id, to_python(child.result)) == ("9", 42)
    assert to_python(child.metadata) == {"celery_root_id": parent.task_id, "celery_parent_id": parent.task_id}


def test_each_task_of_a_chain_is_told(house: World, pool: str) -> None:
    runs = [
        house.run(each, "SUCCESS")
        for each in house.publish("publish_chain(chain(add.s(1, 2), add.s(3), add.s(4)))", SHOP_USER="9")
    ]
    assert [to_python(each.result) for each in runs] == [3, 6, 10]
    assert {each.created_by_id for each in runs} == {"9"}


def test_what_follows_a_failed_task_in_its_chain_has_failed_too(house: World, pool: str) -> None:
    links = "add.s(1, 2), log_in.si('li', password='s3cret'), add.s(4), add.si(5, 6, iban='DE00')"
    ids = house.publish(f"publish_chain(chain({links}))", SHOP_USER="9")
    first, failed, *rest = [house.run(each, "SUCCESS" if each == ids[0] else "FAILURE") for each in ids]
    assert {each.error for each in rest} == {failed.error}
    assert [arguments(each) for each in rest] == [([4], {}), ([5, 6], {"iban": "[redacted]"})]
    assert {each.created_by_id for each in rest} == {"9"}
    assert {to_python(each.metadata)["celery_root_id"] for each in rest} == {first.task_id}
    assert not any(each.HasField("started_at") for each in rest)


def test_each_task_of_a_chord_is_told(house: World, pool: str) -> None:
    runs = [house.run(each, "SUCCESS") for each in house.publish("chorded()", SHOP_USER="9")]
    assert [to_python(each.result) for each in runs] == [3, 7, 10]
    assert {each.created_by_id for each in runs} == {"9"}


def test_what_an_untracked_publisher_sends_is_told_by_the_worker(house: World, pool: str) -> None:
    publish = "app.send_task('shop.tasks.add', (1, 2)).id"
    run = house.run(house.publish(publish, SHOP_UNTRACKED="1"), "SUCCESS")
    assert (to_python(run.result), arguments(run), run.module) == (3, ([1, 2], {}), "shop")


def test_the_header_says_the_owner_too(house: World, pool: str) -> None:
    publish = "add.apply_async((1, 2), headers={'task_manager_created_by': '11'}).id"
    assert house.run(house.publish(publish, SHOP_USER="7"), "SUCCESS").created_by_id == "11"


def test_a_task_that_no_worker_knows_has_failed(house: World, pool: str) -> None:
    run = house.run(house.publish("app.send_task('shop.tasks.gone', (1,)).id"), "FAILURE")
    assert run.error == "NotRegistered: the worker knows no such task"


def test_a_task_that_is_revoked_before_it_runs_has_ended(house: World, pool: str) -> None:
    publish = "[r := add.apply_async((1, 2), countdown=2), r.revoke()] and r.id"
    assert house.run(house.publish(publish), "REVOKED").error == "The task was revoked before it ran"
    publish = "add.apply_async((1, 2), expires=-1).id"
    assert house.run(house.publish(publish), "REVOKED").error == "The task was expired"


def test_another_app_of_the_process_is_left_alone(house: World, pool: str) -> None:
    quiet, loud = house.publish("[quiet.apply_async(queue='idle').id, add.delay(1, 1).id]")
    house.run(loud, "SUCCESS")
    assert house.rows(quiet) == 0


def test_eager_runs_are_told(house: World) -> None:
    run = house.run(house.publish("add.apply((2, 3)).id", SHOP_USER="7"), "SUCCESS")
    assert (to_python(run.result), run.created_by_id, arguments(run)) == (5, "7", ([2, 3], {}))
    assert house.rows(run.task_id) == 1


def test_a_run_that_the_service_refuses_is_in_no_others_way(house: World) -> None:
    publish = "[add.apply_async((1, 1), queue='idle', task_id=each).id for each in ('good 1', 'x' * 200, 'good 2')]"
    good, _, other = house.publish(publish, SHOP_USER="7")
    assert {house.run(good).queue, house.run(other).queue} == {"idle"}
    assert any("left out (1)" in each and "task_id" in each for each in house.warnings("publisher.log"))


def test_ends_that_a_child_does_not_live_to_tell_are_told(house: World, tmp_path: Path) -> None:
    worker = house.worker("prefork", "dangerous")
    mark = tmp_path / "runs"
    task_id = house.publish(f"wait.apply_async(({str(mark)!r},), queue='dangerous').id", SHOP_USER="7")
    eventually(mark.exists, 60, "the task runs")
    house.run(task_id, "STARTED")
    house.publish(f"app.control.revoke({task_id!r}, terminate=True)")
    run = house.run(task_id, "REVOKED")
    assert (run.error, run.created_by_id) == ("The task was terminated while it ran", "7")

    publish = "[publish_chain(chain(each.si().set(queue='dangerous'), add.si(1, 2))) for each in (limited, lost)]"
    (late, never), (lost, nor_this) = house.publish(publish, SHOP_USER="7")
    run = house.run(late, "FAILURE")
    assert run.error.startswith("TimeLimitExceeded") and run.created_by_id == "7"
    run = house.run(lost, "FAILURE")
    assert run.error.startswith("WorkerLostError") and run.created_by_id == "7"
    assert house.run(never, "FAILURE").error.startswith("TimeLimitExceeded")
    assert house.run(nor_this, "FAILURE").error.startswith("WorkerLostError")

    # The parent has told the service of these; the children that it forked since tell of theirs.
    for each in house.publish("[add.apply_async((n, n), queue='dangerous').id for n in range(8)]"):
        house.run(each, "SUCCESS")
    assert house.end(worker) == 0


def test_what_is_published_while_the_service_is_away_arrives_later(house: World) -> None:
    house.stack.stop()
    publisher = house.publisher("[add.apply_async((n, n), queue='idle').id for n in range(700)]", SHOP_USER="7")
    assert publisher.stdout
    ids = json.loads(publisher.stdout.readline())
    # A service that is back before a call has given up was not away.
    eventually(lambda: "Reports wait" in house.log("publisher.log"), 60, "the publisher says that reports wait")
    house.start()
    runs = [house.run(each) for each in (ids[0], ids[-1])]
    assert {each.created_by_id for each in runs} == {"7"}
    assert house.end(publisher) == 0
