"""PostgreSQL over TLS: a real server with a certificate, and what is not believed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.certificates import Authority
from tests.postgres import PostgresServer, find_programs, running_server

from task_server.config import ConfigError, Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.database import Database


@pytest.fixture
def secure_server(authority: Authority) -> Iterator[PostgresServer]:
    """A server that takes nobody without TLS."""
    programs = find_programs()
    assert programs
    pair = authority.issue("localhost")
    with running_server(programs) as server:
        data = server.home / "data"
        for file, name in ((pair.cert, "server.crt"), (pair.key, "server.key")):
            shutil.copy(file, data / name)
            (data / name).chmod(0o600)
            if server.account:
                shutil.chown(data / name, user=server.account)
        with (data / "postgresql.conf").open("a") as file:
            file.write("ssl = on\n")
        (data / "pg_hba.conf").write_text("hostssl all all all trust\n")
        server.stop()
        server.start()
        yield server


@pytest.mark.usefixtures("postgres_server")
def test_only_a_server_that_is_known_is_used(
    secure_server: PostgresServer, authority: Authority, tmp_path: Path
) -> None:
    def ping(host: str, mode: str, ca: Path) -> None:
        url = f"postgresql://tests@{host}:{secure_server.port}/postgres?sslmode={mode}&sslrootcert={ca}"
        database = Database.of(Settings(database_url=url))
        try:
            database.ping()
        finally:
            database.close()

    ping("localhost", "verify-full", authority.file)
    ping("127.0.0.1", "verify-ca", authority.file)
    other = Authority(tmp_path / "other")
    for host, mode, ca in (
        ("localhost", "verify-full", other.file),
        ("localhost", "verify-ca", other.file),
        ("127.0.0.1", "verify-full", authority.file),
        ("localhost", "verify-full", tmp_path / "missing"),
        ("localhost", "disable", authority.file),
    ):
        with pytest.raises(DatabaseUnavailable):
            ping(host, mode, ca)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@192.0.2.1/d",
        "postgresql://u:hunter2@db.invalid/d?sslmode=require",
        "postgresql://u:hunter2@db.invalid/d?sslmode=prefer",
        "postgresql://u:hunter2@localhost:1,192.0.2.1:2/d",
        "postgresql://u:hunter2@localhost/d?hostaddr=192.0.2.1",
        "postgresql:///d?host=192.0.2.1",
        "postgresql://localhost/d?service=elsewhere",
    ],
)
def test_a_database_elsewhere_needs_tls_that_is_checked(url: str) -> None:
    with pytest.raises(ConfigError, match="sslmode=verify-full") as refusal:
        Database.of(Settings(database_url=url))
    assert "hunter2" not in str(refusal.value)
    Database.of(Settings(database_url=url, insecure=True)).close()
    more = "&" if "?" in url else "?"
    if "sslmode" not in url:
        Database.of(Settings(database_url=f"{url}{more}sslmode=verify-full")).close()


@pytest.mark.parametrize(
    "url",
    ["postgresql://localhost/d", "postgresql://[::1]:5/d", "postgresql:///d?host=/run/postgresql", "postgresql:///d"],
)
def test_a_database_on_this_machine_needs_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    Database.of(Settings(database_url=url)).close()


def test_where_the_url_names_no_host_that_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        Database.of(Settings(database_url="postgresql:///d"))
