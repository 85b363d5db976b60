"""Retention with real roles on both databases: what is over goes, watchers hear of it, and tokens of what is gone expire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acceptance_api import Api
from acceptance_house import House
from acceptance_stack import eventually
from tests.processes import command

from task_manager import TaskClient, TaskNotFound, WatchTokenExpired
from task_manager.v1 import task_service_pb2
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution

CODE = {"function_code": "def main():\n    print('hello')", "function_name": "main"}
SHORT = {
    "MAX_CALL_SECONDS": "5",
    "RETAIN_EXECUTIONS_SECONDS": "5",
    "RETAIN_EVENTS_SECONDS": "5",
    "CLEAN_INTERVAL_SECONDS": "0.2",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Broker, server, worker and two schedulers, each with a cleaner."""
    settings = dict(SHORT)
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    house = House(tmp_path_factory.mktemp("house"), **settings)
    try:
        house.begin_broker()
        migrated = house.once("migrate")
        assert migrated.returncode == 0, migrated.stderr
        house.begin_server()
        schedulers = [house.begin(*command("scheduler"), name="scheduler") for _ in range(2)]
        worker = house.begin_worker()
        yield house
        for role in (*schedulers, worker):
            role.end()
            assert " ERROR " not in role.said()
    finally:
        house.close()


def test_what_is_over_goes_and_old_tokens_expire(house: House) -> None:
    token = house.token()
    with TaskClient(house.grpc_address, token) as client:
        cron = client.create_task("lives", cron_expression="0 0 1 1 *", time_zone="UTC", **CODE)
        kept = client.run(cron.task_id).last_execution.id
        task = client.create_task("goes", **CODE)
        assert client.wait(task.task_id, timeout=40).status == TaskExecution.SUCCESS

        seen = []
        for event in client.watch(task.task_id):
            seen.append(TaskEvent.Type.Name(event.type))
            if event.type == TaskEvent.DELETED:
                break
        assert [kind for kind in seen if kind != "BOOKMARK"] == ["ADDED", "DELETED"]
        with pytest.raises(TaskNotFound):
            client.get(task.task_id)
        # A schedule that goes on keeps its latest run.
        assert client.get(cron.task_id).last_execution.id == kept
        assert [run.id for run in client.list_executions()] == [kept]

        def is_expired() -> bool:
            try:
                next(client.watch(watch_token=task.watch_token))
            except WatchTokenExpired:
                return True
            return False

        eventually(is_expired, what="the token is refused")
        api = Api(house.grpc_address, house.http_address, token)
        request = task_service_pb2.WatchTasksRequest(watch_token=task.watch_token)
        failure = api.failure(api.tasks.WatchTasks, request)
        api.close()
        assert (failure.code, failure.reason) == ("OUT_OF_RANGE", "WATCH_TOKEN_EXPIRED")
        assert failure.message == (
            "The changes after this watch_token are no longer kept; list again, and watch from there."
        )
        # That works.
        page = next(client.list().pages)
        assert [listed.name for listed in page.tasks] == ["lives"]
        changes = client.watch(watch_token=page.watch_token)
        client.create_task("next", **CODE)
        assert next(changes).task.name == "next"
        changes.close()
