"""Results that django-celery-results itself has stored are read from Django's database: SQLite and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import Celery
from tests.processes import BARE

from task_server.domain.clock import SECOND
from task_server.domain.status import ExecutionStatus
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.backends import results_of
from task_server.tracking.results import Results

_SITE = Path(__file__).with_name("django_results.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a Django database in which results are, as the operator gives it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'site.sqlite3'}"
        described = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "site.sqlite3")}
    else:
        url = request.getfixturevalue("postgres_url")
        parts = urlsplit(url)
        described = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path[1:],
            "HOST": parts.hostname,
            "PORT": str(parts.port),
            "USER": parts.username,
        }
    subprocess.run([sys.executable, _SITE, json.dumps(described)], env=BARE, check=True, timeout=60)
    return f"db+{url}"


@pytest.fixture
def results(backend: str) -> Iterator[Results]:
    results = results_of(TrackedApp(name="site", backend=backend))
    yield results
    results.close()


def test_what_django_stored_is_found(results: Results) -> None:
    ids = ["good", "bad", "now", "own", "huge", "pickled", "nameless", *(f"unknown-{number}" for number in range(60))]
    seen = results.look_up(ids)
    assert sorted(seen) == sorted(ids[:7])
    found = {task_id: each.observation for task_id, each in seen.items()}
    assert (found["good"].status, found["good"].result_json) == (ExecutionStatus.SUCCESS, '{"total":7,"é":null}')
    assert found["good"].worker == "w@h"
    assert found["good"].occurred_at is not None
    assert abs(found["good"].occurred_at / SECOND - time.time()) < 60, "whatever the project's zone is"
    assert (found["bad"].status, found["bad"].error) == (ExecutionStatus.FAILURE, "Boom: no, 3")
    assert found["bad"].traceback == "Traceback: Boom"
    assert (found["now"].status, found["own"].metadata) == (ExecutionStatus.STARTED, {"celery_state": "PROGRESS"})
    assert found["huge"].metadata == {"result_left_out": "it is larger than 1,048,576 bytes"}
    assert (found["pickled"].status, found["pickled"].metadata) == (
        ExecutionStatus.SUCCESS,
        {"result_left_out": "it is no JSON"},
    )
    assert (seen["good"].task_name, seen["good"].arguments) == (
        "shop.pay",
        {"celery_args": "(7,)", "celery_kwargs": "{'password': '***'}"},
    )
    assert (seen["pickled"].task_name, seen["pickled"].arguments) == ("shop.pay", {})
    assert (seen["nameless"].task_name, seen["nameless"].arguments, found["nameless"].result_json) == ("", {}, "1")


def test_what_was_stored_is_found_beside_what_celery_stored(results: Results, backend: str) -> None:
    app = Celery("celerys-own", backend=backend.replace("postgresql:", "postgresql+psycopg:"), set_as_current=False)
    app.backend.store_result("celerys", 7, "SUCCESS")
    app.close()
    moment = int((time.time() - 60) * SECOND)
    found = sorted(task_id for page in results.stored_since(moment) for task_id in page)
    assert found == ["bad", "celerys", "good", "huge", "nameless", "now", "own", "pickled"]
    assert sorted(results.look_up(["good", "celerys"])) == ["celerys", "good"]
    assert [page for page in results.stored_since(moment + 3600 * SECOND) if page] == []
