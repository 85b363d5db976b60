"""The settings of a small Django project. Where it stands is told by the environment of the test that runs it."""

import os
from pathlib import Path

HOME = Path(os.environ["SITE_HOME"])
SECRET_KEY = "of a test"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    # Its table is filled where the backend is "django-db".
    "django_celery_results",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HOME / "site.sqlite3",
        # A view that fails takes back what it did in its own database.
        "ATOMIC_REQUESTS": True,
    }
}
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": HOME / "warnings.log"}},
    "loggers": {"task_manager": {"handlers": ["file"], "level": "WARNING"}},
}

CELERY_BROKER_URL = os.environ["SITE_BROKER"]
CELERY_RESULT_BACKEND = os.environ["SITE_BACKEND"]
CELERY_RESULT_EXTENDED = True

TASK_MANAGER_ADDRESS = os.environ["SITE_TRACKER"]
TASK_MANAGER_TOKEN = os.environ["SITE_TOKEN"]
