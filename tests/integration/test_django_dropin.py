"""The lines of the first request in a Django project with a Celery worker: over HTTP in, and over REST out."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_project_stack import Site
from tests.acceptance.acceptance_api import Rest
from tests.acceptance.acceptance_stack import Stack, eventually
from tests.broker import BrokerProcess

EXECUTIONS = "/api/v1/tasks/executions"


@pytest.fixture(scope="module")
def site_broker() -> Iterator[BrokerProcess]:
    """The project's own broker and result backend."""
    # Socket paths are limited to 107 bytes, which pytest's own folders often exceed.
    with tempfile.TemporaryDirectory(prefix="tm-") as home:
        broker = BrokerProcess(Path(home))
        broker.start()
        yield broker
        broker.kill()


@pytest.fixture(scope="module")
def stack(site_broker: BrokerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that knows where the project's results are."""
    home = tmp_path_factory.mktemp("stack")
    apps = home / "apps.toml"
    apps.write_text(f'[[apps]]\nname = "site"\nbackend = "{site_broker.url}"\nmodules = ["myapp"]\n')
    stack = Stack(home, TRACKED_APPS_FILE=str(apps))
    stack.start()
    yield stack
    stack.close()


def served(stack: Stack, broker: BrokerProcess, home: Path, **environment: str) -> Iterator[Site]:
    """The project with its worker, as a service account that registers for its users."""
    token = stack.client().create_token("site", "admin", grants=["executions:register-for-others"], name="Django").key
    site = Site(home, stack, broker, token, **environment)
    try:
        site.start()
        site.start_worker()
        yield site
    finally:
        site.close()


@pytest.fixture(scope="module")
def site(stack: Stack, site_broker: BrokerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project as it is."""
    yield from served(stack, site_broker, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def tracked_site(stack: Stack, site_broker: BrokerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project with `track(app)` besides: whoever publishes and runs a task tells of it too, and names nobody."""
    yield from served(stack, site_broker, tmp_path_factory.mktemp("tracked"), SITE_TRACKED_QUEUE="tracked")


@pytest.fixture
def li(site: Site) -> Iterator[str]:
    """Li is logged in: the id of hers."""
    yield str(site.get("/login/li/")["id"])
    site.browser.cookies.clear()


def rest(stack: Stack, user: str) -> Rest:
    return stack.api(stack.token(user)).rest


def test_a_view_of_the_first_request_is_seen_by_its_user_on_every_path(site: Site, stack: Stack, li: str) -> None:
    task_id = site.get("/run/")["task_id"]

    hers = rest(stack, li)
    made = hers.get(f"{EXECUTIONS}/by-task-id/{task_id}/")
    assert (made["created_by_id"], made["created_by"]["id"]) == (li, li)
    assert (made["created_by_username"], made["created_by"]["username"]) == ("li", "li")
    assert (made["task_name"], made["module"]) == ("myapp.tasks.my_task", "myapp")
    assert made["task_kwargs"] == {"arg1": 1, "arg2": "x"}
    assert made["metadata"] == {"source": "manual_trigger"}
    assert hers.get(f"{EXECUTIONS}/{made['id']}/") == made
    assert hers.get(f"{EXECUTIONS}/status/?task_id={task_id}")["status"] == "PENDING"
    for path in (
        "/",
        "/my-tasks/",
        f"/?created_by={li}",
        "/?module=myapp&task_name=myapp.tasks.my_task&status=PENDING",
    ):
        assert task_id in [each["task_id"] for each in hers.get(EXECUTIONS + path)["executions"]], path
    everybodys = stack.api().rest.get(f"{EXECUTIONS}/?my_tasks=false")["executions"]
    assert task_id in [each["task_id"] for each in everybodys]
    status, _ = rest(stack, "somebody").failure("GET", f"{EXECUTIONS}/by-task-id/{task_id}/")
    assert status == 404


def test_nobody_who_is_logged_in_is_the_projects_own_user(site: Site, stack: Stack) -> None:
    task_id = site.get("/run/")["task_id"]
    made = stack.api().rest.get(f"{EXECUTIONS}/by-task-id/{task_id}/")
    assert made["created_by_id"] == "site"


def test_the_same_task_is_recorded_once(site: Site, li: str) -> None:
    run = {"task_id": str(uuid.uuid4()), "task_name": "myapp.tasks.my_task", "module": "myapp"}
    first = site.call("register_task", **run, task_args=[1], created_by=li)
    again = site.call("register_task", **run, task_args=[2], created_by=li)
    assert again == first
    assert first["task_args"] == [1]


def test_a_run_is_moved_on_and_its_end_stays(site: Site) -> None:
    task_id = str(uuid.uuid4())
    site.call("register_task", task_id=task_id, task_name="t", module="myapp", metadata={"a": 1})
    begun = site.call("update_task_status", task_id=task_id, status="STARTED", metadata={"b": 2})
    assert (begun["status"], begun["metadata"], begun["finished_at"]) == ("STARTED", {"a": 1, "b": 2}, None)
    ended = site.call("update_task_status", task_id=task_id, status="SUCCESS", result={"n": 1})
    assert (ended["status"], ended["result"], ended["started_at"]) == ("SUCCESS", {"n": 1}, begun["started_at"])
    later = site.call("update_task_status", task_id=task_id, status="FAILURE", error="too late")
    assert (later["status"], later["error"], later["finished_at"]) == ("SUCCESS", "", ended["finished_at"])
    assert site.call("get_task", task_id=task_id)["source"] == "REPORT"


def test_how_a_run_ended_is_found_in_celerys_result_backend(site: Site, stack: Stack, li: str) -> None:
    hers = rest(stack, li)

    def synced(look: Callable[[str], Any]) -> Any:
        task_id = site.get("/run/")["task_id"]
        ended = eventually(lambda: found if (found := look(task_id))["status"] == "SUCCESS" else None)
        assert ended["source"] == "RESULT_BACKEND"
        return task_id

    synced(lambda task_id: site.call("get_task", task_id=task_id))
    synced(lambda task_id: site.call("sync_task_from_celery", task_id=task_id))

    def by_rest(task_id: str) -> Any:
        return hers.post(f"{EXECUTIONS}/{hers.get(f'{EXECUTIONS}/by-task-id/{task_id}/')['id']}/sync/")

    synced(by_rest)

    def all_of_them(task_id: str) -> Any:
        counts = site.call("sync_all_unfinished_executions", max_sync=100)
        assert counts.keys() == {"synced", "changed", "finished", "unreachable"}
        return site.call("get_task", task_id=task_id, sync=False)

    task_id = synced(all_of_them)
    status = hers.get(f"{EXECUTIONS}/status/?task_id={task_id}")
    assert (status["status"], status["terminal"]) == ("SUCCESS", True)
    listed = hers.get(f"{EXECUTIONS}/my-tasks/?status=SUCCESS")["executions"]
    assert task_id in [each["task_id"] for each in listed]


@pytest.mark.parametrize("path", ["/run/", "/late/"], ids=["view first", "worker first"])
def test_a_view_and_the_processes_of_its_app_record_a_run_once(tracked_site: Site, stack: Stack, path: str) -> None:
    user = str(tracked_site.get("/login/mo/")["id"])
    mine = rest(stack, user)
    before = mine.get(f"{EXECUTIONS}/stats/")["total"]
    answer = tracked_site.get(path)
    task_id = answer["task_id"]

    def ended() -> Any:
        # Whoever publishes tells of it twice a second.
        found = mine.get(f"{EXECUTIONS}/by-task-id/{task_id}/")
        return found if found["status"] == "SUCCESS" and found["queue"] else None

    run = eventually(ended, what="publisher and worker have told of it")
    assert (run["created_by_id"], run["module"], run["task_name"]) == (user, "myapp", "myapp.tasks.my_task")
    assert (run["task_kwargs"], run["metadata"]["source"]) == ({"arg1": 1, "arg2": "x"}, "manual_trigger")
    assert run["worker"].startswith("celery@")
    everybodys = stack.api().rest.get(f"{EXECUTIONS}/?my_tasks=false")["executions"]
    assert [each["id"] for each in everybodys if each["task_id"] == task_id] == [run["id"]]
    assert int(mine.get(f"{EXECUTIONS}/stats/")["total"]) == int(before) + 1
    if path == "/late/":
        assert answer["before"]["created_by_id"] == "site"
        assert answer["answer"]["id"] == answer["before"]["id"] == run["id"]


def test_what_nobody_recorded_is_none(site: Site) -> None:
    for method in ("get_task", "sync_task_from_celery"):
        assert site.call(method, task_id="unheard-of") is None


def test_runs_are_counted_as_they_are_listed(site: Site, stack: Stack, li: str) -> None:
    for _ in range(2):
        run = {"task_id": str(uuid.uuid4()), "task_name": "counted", "module": "counting"}
        site.call("register_task", **run, created_by=li)
    stats = site.call("get_task_stats", module="counting", my_tasks=False)
    assert (stats["total"], stats["by_user"], stats["by_task_name"]) == (2, {li: 2}, {"counted": 2})
    assert site.call("get_task_stats", module="counting")["total"] == 0
    assert rest(stack, li).get(f"{EXECUTIONS}/stats/?module=counting")["total"] == "2"


def test_the_user_of_a_run_is_the_projects_own_and_costs_a_query_only_where_it_is_asked_for(
    site: Site, li: str
) -> None:
    task_id = str(uuid.uuid4())
    site.call("register_task", task_id=task_id, task_name="t", module="myapp", created_by=li)
    told = site.get("/creator/", task_id=task_id)
    assert told == {"is_user": True, "is_id": True, "name": "li", "before": 0, "after": 1}
    site.call("register_task", task_id=f"{task_id}-2", task_name="t", module="myapp", created_by="service-account")
    told = site.get("/creator/", task_id=f"{task_id}-2")
    assert told == {"is_user": False, "is_id": False, "name": "service-account", "before": 0, "after": 0}


def test_arguments_of_any_type_are_told_in_words(site: Site, li: str) -> None:
    number = uuid.uuid4().int
    record = site.get("/odd/", number=number)["answer"]
    assert record["id"]
    assert record["task_id"] == str(uuid.UUID(int=number))
    assert record["task_args"] == [f"auth.User(pk={li})", "1.10"]
    assert record["task_kwargs"] == {
        "when": "2026-01-31T00:00:00+00:00",
        "who": f"auth.User(pk={li})",
        "all": "<django.db.models.query.QuerySet>",
    }
    assert record["metadata"] == {"data": "base64:/w=="}


def test_a_view_that_fails_afterwards_does_not_take_the_record_back(site: Site, stack: Stack) -> None:
    task_id = str(uuid.uuid4())
    response = site.browser.get(f"{site.base}/failing/", params={"task_id": task_id}, timeout=30)
    assert response.status_code == 500
    assert stack.api().rest.get(f"{EXECUTIONS}/by-task-id/{task_id}")["status"] == "PENDING"


def test_forked_processes_record_too(site: Site) -> None:
    assert site.script("forking.py", str(uuid.uuid4())) == "[0, 0]\n"


def test_while_the_service_is_away_views_answer_and_the_record_comes_later(site: Site, stack: Stack, li: str) -> None:
    stack.stop()
    views = [site.get("/run/")["task_id"] for _ in range(3)]
    moved = site.call("update_task_status", task_id=views[0], status="STARTED", metadata={"while": "away"})
    assert (moved["id"], moved["status"]) == ("", "STARTED")
    assert site.call("get_task", task_id=views[0])["source"] == ""
    assert site.call("get_task_stats")["total"] is None
    assert "Task Manager could not record a task" in site.warnings()
    stack.start()
    hers = rest(stack, li)

    def arrived() -> list[dict[str, Any]] | None:
        answers = [hers.send("GET", f"{EXECUTIONS}/by-task-id/{each}") for each in views]
        found = [each.json() for each in answers if each.status_code == 200]
        return found if len(found) == len(views) and found[0]["status"] == "STARTED" else None

    made = eventually(arrived, seconds=60, what="all records came")
    assert {each["created_by_id"] for each in made} == {li}
    # What was said of it afterwards came after it, although nobody said whose it is.
    assert (made[0]["status"], made[0]["metadata"]["while"]) == ("STARTED", "away")
    assert {json.dumps(each["task_kwargs"], sort_keys=True) for each in made} == {'{"arg1": 1, "arg2": "x"}'}


def test_a_token_that_nobody_knows_breaks_no_view(
    site_broker: BrokerProcess, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    token = "tsk_0_wrong"
    other = Site(tmp_path_factory.mktemp("site"), stack, site_broker, token)
    try:
        other.start()
        assert other.get("/run/")["task_id"]
        assert "could not record a task" in other.warnings()
        assert token not in other.warnings()
    finally:
        other.close()
