"""The operator's file of tracked apps: what it says, all that is wrong with it at once, and that no secret is told."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from task_server.config import ConfigError, Settings
from task_server.domain.owner import Owner
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.configured import one_app, read_apps

GOOD = """
[[apps]]
name = "billing"
broker = "redis://:pw@127.0.0.1:6379/0"
backend = "redis://127.0.0.1:6379/1"
modules = ["billing", "invoices*"]
created_by = "billing"
username = "Billing"
time_zone = "America/New_York"
owners = ["ann", "billing"]

[[apps]]
name = "reports"
broker_file = "BROKER"
backend = "db+postgresql://reports:pw@db.example.com/results?sslmode=verify-full&sslrootcert=/ca.pem"
ca_file = "/ca.pem"
"""


def read(tmp_path: Path, text: str, *, insecure: bool = False) -> tuple[TrackedApp, ...]:
    file = tmp_path / "apps.toml"
    file.write_text(text)
    return read_apps(Settings(tracked_apps_file=str(file), insecure=insecure))


def wrong(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    prefix = f"tracked_apps_file {tmp_path / 'apps.toml'}: "
    lines = str(refused.value).splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("amqps://guest:pw@rabbit.example.com//\n")
    billing, reports = read(tmp_path, GOOD.replace("BROKER", str(tmp_path / "broker")))
    assert billing == TrackedApp(
        name="billing",
        broker="redis://:pw@127.0.0.1:6379/0",
        backend="redis://127.0.0.1:6379/1",
        modules=("billing", "invoices*"),
        created_by=Owner("billing", "Billing"),
        time_zone=ZoneInfo("America/New_York"),
        owners=("ann", "billing"),
    )
    assert (reports.broker, reports.ca_file) == ("amqps://guest:pw@rabbit.example.com//", "/ca.pem")
    assert (reports.modules, reports.created_by, reports.owners, reports.time_zone) == ((), None, (), UTC)
    assert "pw" not in repr((billing, reports)), "a URL may hold a password"


def test_no_file_means_no_apps() -> None:
    assert read_apps(Settings()) == ()


def test_results_that_only_their_sender_can_read_are_no_backend(tmp_path: Path) -> None:
    (app,) = read(tmp_path, '[[apps]]\nname = "a"\nbroker = "redis://127.0.0.1"\nbackend = "rpc://"\n')
    assert app.backend == ""


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """
[[apps]]
broker = "redis://:secret-word@broker.example.com:6379/0"
modules = ["bil*ing"]
colour = "red"

[[apps]]
name = "b"
backend = "mongodb://u:secret-word@127.0.0.1/x"
broker_file = "/nowhere"
username = "B"
key_file = "/k"

[[apps]]
name = "b"
backend = "db+postgresql://u:secret-word@db.example.com/x"
broker = "rediss://127.0.0.1/0?ssl_cert_reqs=none"
created_by = "b"
owners = ["ann"]
"""
    found = wrong(tmp_path, text)
    assert not [line for line in found if "secret-word" in line]
    starts = [
        "app 1: 'colour' is not known; there are",
        "app 1: name is missing",
        "app 1: broker leads to broker.example.com in plain text: begin it with rediss://",
        "app 1: modules may have a * only at the end of each, as billing*",
        "app 2: username needs created_by",
        "app 2: cert_file and key_file go together",
        "app 2: broker_file /nowhere can not be read",
        "app 2: backend must begin with one of redis:, rediss:, redis+socket:, db+sqlite:, db+postgresql:",
        "app 3: broker must say nothing of TLS but its beginning",
        "app 3: backend leads to db.example.com without TLS that is checked",
        "app 3: created_by has to be among owners",
        "the app 'b' comes twice",
    ]
    assert len(found) == len(starts)
    for start in starts:
        assert any(line.startswith(start) for line in found), (start, found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it has no [[apps]]"),
        ("apps = 3", "apps must be tables, each headed [[apps]]"),
        ('[[apps]]\nname = "a"', "app 1: give broker or backend, or there is nothing to follow"),
        ('[[apps]]\nname = "a"\nbackend = "django-db"', "app 1: backend must be the project's database itself: db+"),
        ('[[apps]]\nname = "a"\nbackend = "django-cache"', "app 1: backend can not be read from outside"),
        ('[[apps]]\nname = "a"\nbroker = "redis://h:6379:1/0"', "app 1: broker can not be read"),
        ('[[apps]]\nname = "a"\nbroker = "amqp://a;amqp://b"', "app 1: broker must be the one URL of a server"),
        ('[[apps]]\nname = "a"\ntime_zone = "../UTC"', "app 1: time_zone must be the name of a time zone"),
        ('[[apps]]\nname = "a"\ntime_zone = "Europe"', "app 1: time_zone must be the name of a time zone"),
        ('[[apps]]\nname = "a"\nbroker = 7', "app 1: broker must be the one URL of a server"),
        (
            '[[apps]]\nname = "a"\nbackend = "rpc://"\nbackend_file = "/x"',
            "app 1: give either backend or backend_file",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert any(line.startswith(says) for line in wrong(tmp_path, text))


def test_plain_text_goes_to_other_machines_where_the_operator_says_so(tmp_path: Path) -> None:
    text = (
        '[[apps]]\nname = "a"\nbroker = "amqp://u:p@rabbit.example.com//"\nbackend = "db+postgresql://db.example.com/x"'
    )
    (app,) = read(tmp_path, text, insecure=True)
    assert app.broker == "amqp://u:p@rabbit.example.com//"


def test_one_app_of_a_command_line() -> None:
    app = one_app({"name": "a", "backend": "db+sqlite:////tmp/results.db"}, insecure=False)
    assert app.backend == "db+sqlite:////tmp/results.db"
    with pytest.raises(ConfigError, match="the app: give broker or backend"):
        one_app({"name": "a"}, insecure=False)
