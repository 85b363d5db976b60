"""A Django project that keeps Celery's results in its own database (`django-db`) is followed as it is."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_project_stack import Site
from google.protobuf import json_format
from tests.acceptance.acceptance_stack import Stack, eventually
from tests.broker import BrokerProcess
from tests.integration.tracking_world import SECONDS, without_tracker

from task_manager.errors import ExecutionNotFound
from task_manager.v1.execution_pb2 import TaskExecution

pytestmark = pytest.mark.timeout(300)

_TASK = "myapp.tasks.my_task"
_SEND = f"import django, site_celery; django.setup(); print(site_celery.app.send_task({_TASK!r}, {{arguments}}).id)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project with its worker, and the service that follows it."""
    home, service = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("stack")
    with contextlib.ExitStack() as open_things:
        # Socket paths are limited to 107 bytes, which pytest's own folders often exceed.
        broker = BrokerProcess(Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="tm-"))))
        broker.start()
        open_things.callback(broker.kill)
        apps = service / "apps.toml"
        apps.write_text(
            f'[[apps]]\nname = "site"\nbroker = "{broker.url}"\nbackend = "db+sqlite:///{home / "site.sqlite3"}"\n'
            'modules = ["myapp"]\ncreated_by = "site"\n'
        )
        stack = Stack(service, TRACKED_APPS_FILE=str(apps))
        open_things.callback(stack.close)
        stack.start()
        token = stack.client().create_token("site", "admin", name="Django").key
        site = Site(home, stack, broker, token, SITE_BACKEND="django-db")
        open_things.callback(site.close)
        site.start()
        eventually(lambda: "listening to the events of the app site" in stack.logged(), SECONDS)
        site.start_worker("-E")
        yield site
        assert not stack.faults()


def send(site: Site, arguments: tuple[object, ...]) -> str:
    """Publish a task that nobody registers; Celery's id of it, once its end is in Django's database."""
    task_id = site.script("-c", _SEND.format(arguments=arguments)).strip()
    eventually(lambda: status_of(site, task_id) in ("SUCCESS", "FAILURE"), SECONDS)
    return task_id


def status_of(site: Site, task_id: str) -> str | None:
    with contextlib.closing(sqlite3.connect(site.home / "site.sqlite3", timeout=30)) as database:
        asked = "SELECT status FROM django_celery_results_taskresult WHERE task_id = ?"
        row = database.execute(asked, (task_id,)).fetchone()
    return row[0] if row else None


def ended(site: Site, task_id: str) -> TaskExecution:
    """The run, once it has ended."""

    def look() -> TaskExecution | None:
        try:
            run = site.stack.client().get_execution_by_task_id(task_id)
        except ExecutionNotFound:
            return None
        return run if run.HasField("finished_at") else None

    return eventually(look, SECONDS)


def test_a_view_that_registers_a_run_is_told_how_it_ended(site: Site) -> None:
    run = ended(site, site.get("/run/")["task_id"])
    assert (run.status, TaskExecution.Source.Name(run.source)) == (TaskExecution.SUCCESS, "RESULT_BACKEND")
    assert run.HasField("result")
    assert json_format.MessageToDict(run.result) is None


def test_what_ran_while_no_tracker_listened_is_found(site: Site) -> None:
    with without_tracker(site.stack, "site"):
        good, bad = send(site, (7, "x")), send(site, (7,))
    run = ended(site, good)
    assert (run.task_name, run.module, run.created_by_id) == ("myapp.tasks.my_task", "myapp", "site")
    assert (run.status, TaskExecution.Source.Name(run.source)) == (TaskExecution.SUCCESS, "RESULT_BACKEND")
    assert json_format.MessageToDict(run.metadata) == {"celery_args": "(7, 'x')", "celery_kwargs": "{}"}
    failed = ended(site, bad)
    assert failed.status == TaskExecution.FAILURE
    assert failed.error.startswith("TypeError: my_task() missing 1 required positional argument")
    assert "TypeError" in failed.traceback
