"""The project's Celery app, as Celery's own manual for Django has it."""

import os

from celery import Celery

from task_manager.celery import track

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["myapp"], related_name="views", force=True)
app.set_default()

if queue := os.environ.get("SITE_TRACKED_QUEUE"):
    # A project that adds tracking from within to the lines that it has in its views.
    app.conf.task_default_queue = queue
    track(app)
