"""A Django project whose results are in its own database (`django-db`): makes the tables, and stores some.

Run as a process of its own, since Django's settings are those of the whole process: `python django_results.py DATABASE`, where
that is Django's own description of a database, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from celery import Celery
from celery.app.task import Context
from django.conf import settings
from django.core.management import call_command


class Boom(Exception):
    pass


def store(app: Celery, task_id: str, value: Any, status: str, **said: Any) -> None:
    request = Context(id=task_id, task="shop.pay", hostname="w@h", argsrepr="(7,)", kwargsrepr="{'password': 'x'}")
    app.backend.store_result(task_id, value, status, request=request, **said)


def site(**more: Any) -> Celery:
    app = Celery("site", backend="django-db", set_as_current=False)
    app.conf.update(result_extended=True, **more)
    return app


def main(database: dict[str, str]) -> None:
    settings.configure(
        INSTALLED_APPS=["django_celery_results"],
        DATABASES={"default": database},
        USE_TZ=True,
        TIME_ZONE="Asia/Shanghai",
        SECRET_KEY="of a test",
    )
    django.setup()
    call_command("migrate", verbosity=0)
    app = site()
    store(app, "good", {"total": 7, "é": None}, "SUCCESS")
    store(app, "bad", Boom("no", 3), "FAILURE", traceback="Traceback: Boom")
    store(app, "now", None, "STARTED")
    store(app, "own", {"done": 3}, "PROGRESS")
    store(app, "huge", "x" * 1_100_000, "SUCCESS")
    pickled = site(result_serializer="pickle", accept_content=["json", "pickle"])
    store(pickled, "pickled", {"total": 7}, "SUCCESS")
    nameless = site()
    nameless.conf.result_extended = False
    store(nameless, "nameless", 1, "SUCCESS")


main(json.loads(sys.argv[1]))
