"""The operator's file of tracked apps, and the one app of a command line."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from task_server.config import ConfigError, Settings
from task_server.config.toml_file import read_toml
from task_server.domain.owner import Owner
from task_server.domain.tracked_app import TrackedApp
from task_server.operator_file import REQUIRED, TableReader
from task_server.tls.loopback import is_local
from task_server.tls.plaintext import check_url

_BROKERS = ("redis", "rediss", "redis+socket", "amqp", "amqps")
#: `rpc` is taken so that an app's own setting can be repeated here, although nobody but the sender can read such results.
_BACKENDS = ("redis", "rediss", "redis+socket", "db+sqlite", "db+postgresql", "db+postgresql+psycopg", "rpc")
#: What Django projects call their own, and only they can resolve.
_OF_DJANGO = {
    "django-db": "must be the project's database itself: db+postgresql://USER@HOST/NAME or db+sqlite:///FILE",
    "django-cache": "can not be read from outside of the project: keep results by django-db, Redis or a database",
}
_LONGEST = 200
_CHECKED_MODES = ("sslmode=verify-full", "sslmode=verify-ca")


def read_apps(settings: Settings) -> tuple[TrackedApp, ...]:
    """The apps in `tracked_apps_file`, none where that is not set. Raises ConfigError with one line for each fault."""
    if not settings.tracked_apps_file:
        return ()
    file = Path(settings.tracked_apps_file)
    content = read_toml(file, "tracked_apps_file")
    reading = _Reading(insecure=settings.insecure)
    reading.only(content, "the file", {"apps"})
    apps = [reading.app(table, f"app {number}") for number, table in reading.tables(content, "apps")]
    names = [app.name for app in apps]
    reading.wrong += [
        f"the app {name!r} comes twice" for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if not apps and not reading.wrong:
        reading.wrong.append("it has no [[apps]]")
    if reading.wrong:
        raise ConfigError("\n".join(f"tracked_apps_file {file}: {line}" for line in reading.wrong))
    return tuple(apps)


def one_app(table: dict[str, Any], *, insecure: bool) -> TrackedApp:
    """The app that a command line describes, with the keys of a table in the file. Raises ConfigError."""
    reading = _Reading(insecure=insecure)
    app = reading.app(table, "the app")
    if reading.wrong:
        raise ConfigError("\n".join(reading.wrong))
    return app


class _Reading(TableReader):
    """Reads the tables of apps. What it says of a URL has no part of it but the host."""

    def __init__(self, *, insecure: bool) -> None:
        super().__init__()
        self._insecure = insecure

    def app(self, table: dict[str, Any], where: str) -> TrackedApp:
        known = {
            "name",
            "broker",
            "broker_file",
            "backend",
            "backend_file",
            "time_zone",
            "modules",
            "created_by",
            "username",
            "owners",
        }
        self.only(table, where, known | {"ca_file", "cert_file", "key_file"})
        user_id = self.take(table, where, "created_by", "", _text)
        if "username" in table and not user_id:
            self.wrong.append(f"{where}: username needs created_by")
        if bool(table.get("cert_file")) != bool(table.get("key_file")):
            self.wrong.append(f"{where}: cert_file and key_file go together: give both or none")
        app = TrackedApp(
            name=self.take(table, where, "name", REQUIRED, _text) if "name" in table else self._nameless(where),
            broker=self._url(table, where, "broker", _BROKERS),
            backend=self._url(table, where, "backend", _BACKENDS),
            time_zone=self.take(table, where, "time_zone", UTC, _zone),
            modules=self.take(table, where, "modules", (), _patterns),
            created_by=Owner(user_id, self.take(table, where, "username", user_id, _text)) if user_id else None,
            owners=self.take(table, where, "owners", (), _texts),
            **{name: self.take(table, where, name, "", _text) for name in ("ca_file", "cert_file", "key_file")},
        )
        if app.created_by and not app.may_fill(app.created_by.id):
            self.wrong.append(
                f"{where}: created_by has to be among owners, or what is recorded for that user stays as it was first"
            )
        if not app.broker and not app.backend and not self.wrong:
            self.wrong.append(f"{where}: give broker or backend, or there is nothing to follow")
        return app

    def _nameless(self, where: str) -> str:
        self.wrong.append(f"{where}: name is missing")
        return ""

    def _url(self, table: dict[str, Any], where: str, name: str, schemes: Sequence[str]) -> str:
        if name in table and f"{name}_file" in table:
            self.wrong.append(f"{where}: give either {name} or {name}_file")

        def read(value: Any) -> str:
            return _checked(value, schemes, insecure=self._insecure)

        if f"{name}_file" in table:
            url: str = self.take(table, where, f"{name}_file", "", lambda value: read(_content(value)))
        else:
            url = self.take(table, where, name, "", read)
        return "" if url.startswith("rpc:") else url


def _checked(value: Any, schemes: Sequence[str], *, insecure: bool) -> str:
    """The URL. Raises ValueError with what to write instead, and nothing of the URL's secrets."""
    if not isinstance(value, str) or not value.isprintable() or ";" in value:
        raise ValueError("must be the one URL of a server")
    scheme, colon, _ = value.partition(":")
    if value in _OF_DJANGO:
        raise ValueError(_OF_DJANGO[value])
    if scheme not in schemes or not colon:
        raise ValueError(f"must begin with one of {', '.join(f'{each}:' for each in schemes)}")
    try:
        parts = urlsplit(value.removeprefix("db+"))
        _ = parts.port
    except ValueError:
        raise ValueError("can not be read: write special characters of the user and the password as %XX") from None
    if scheme in ("rediss", "amqps", "redis", "amqp") and "ssl_" in parts.query:
        raise ValueError("must say nothing of TLS but its beginning; give ca_file, cert_file")
    try:
        check_url(value, "", insecure=insecure)
    except ConfigError as error:
        raise ValueError(str(error).strip()) from None
    for library, extra in (("sqlalchemy", "tracker"), *((("psycopg", "postgres"),) if "postgresql" in scheme else ())):
        if scheme.startswith("db+") and importlib.util.find_spec(library) is None:
            raise ValueError(f"needs {library}: pip install 'task-manager[{extra}]'")
    if scheme.startswith("db+postgresql") and not (
        insecure or is_local(parts.hostname or "unix:") or any(mode in parts.query for mode in _CHECKED_MODES)
    ):
        raise ValueError(
            f"leads to {parts.hostname} without TLS that is checked: add ?sslmode=verify-full&sslrootcert=FILE, or set "
            "insecure (--insecure) where the network itself is protected"
        )
    return value


def _content(value: Any) -> str:
    path = Path(_text(value))
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{path} can not be read: {error.strerror}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST:
        raise ValueError(f"must be a text of 1 to {_LONGEST} visible characters")
    return value


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(_text(value))
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, as Europe/Berlin") from None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("must be a list of texts")
    return tuple(map(_text, value))


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = _texts(value)
    if any("*" in pattern[:-1] for pattern in patterns):
        raise ValueError("may have a * only at the end of each, as billing*")
    return patterns
