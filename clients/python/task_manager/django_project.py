"""What a Django project around this process knows: its settings, its users, and how its objects are to be read.

Django is looked at only where the project has loaded it already: it is never imported, and not needed.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def setting(name: str) -> str | None:
    """The setting `name`, as TASK_MANAGER_ADDRESS: of the environment, else of the Django settings, else None.

    The environment comes first, so that one image runs in every place; an empty value counts as none in both.
    """
    if value := os.environ.get(name):
        return value
    conf = sys.modules.get("django.conf")
    if conf is None or not (conf.settings.configured or "DJANGO_SETTINGS_MODULE" in os.environ):
        return None
    value = getattr(conf.settings, name, None)
    return None if value in (None, "") else str(value)


def text_of(value: object) -> str | None:
    """A model instance as `shop.Order(pk=7)`, a lazy translation as its text; None for anything else. Asks no database."""
    if (models := sys.modules.get("django.db.models")) and isinstance(value, models.Model):
        return f"{value._meta.label}(pk={value.pk})"
    if (functional := sys.modules.get("django.utils.functional")) and isinstance(value, functional.Promise):
        return str(value)
    return None


def user_id(text: str) -> Any:
    """`text` as the project's user model has its keys, mostly an int; as it is where there is no such model or it is no key."""
    key = _key(text)
    return text if key is None else key


def user(text: str) -> Any | None:
    """The project's user whose key `text` is, by one query; None where there is none."""
    key, model = _key(text), _user_model()
    return None if key is None or model is None else model._default_manager.filter(pk=key).first()


def _key(text: str) -> Any | None:
    if (model := _user_model()) is None:
        return None
    try:
        return model._meta.pk.to_python(text)
    except sys.modules["django.core.exceptions"].ValidationError:
        return None


def _user_model() -> Any | None:
    auth, registry = sys.modules.get("django.contrib.auth"), sys.modules.get("django.apps")
    if auth is None or registry is None or not registry.apps.models_ready:
        return None
    return auth.get_user_model() if registry.apps.is_installed("django.contrib.auth") else None
