"""A PostgreSQL server for tests: a cluster of their own in a temporary directory, on a free loopback port.

A test that asks for the fixture `postgres_url` gets a fresh, empty database. Without PostgreSQL's programs such a test is skipped;
in CI, which installs them, it fails. The fixtures are loaded by `pytest_plugins` in tests/conftest.py.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.processes import free_port

#: Debian keeps initdb and postgres of each version here and not on PATH.
_DEBIAN = Path("/usr/lib/postgresql")
#: initdb refuses root: then the server runs as the first of these that the machine has.
_ACCOUNTS = ("postgres", "nobody")
_START_SECONDS = "60"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. Its superuser needs no password, which is why it listens on the loopback interface alone."""

    programs: Path
    port: int
    #: Holds the cluster and its log.
    home: Path
    #: Whom it runs as; None is this user.
    account: str | None

    @property
    def pid(self) -> int:
        """Its first process."""
        return int((self.home / "data" / "postmaster.pid").read_text().splitlines()[0])

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def run_sql(self, statement: str) -> None:
        """Run one statement outside of any transaction, in the maintenance database."""
        options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement, self.url("postgres")]
        subprocess.run([str(self.programs / "psql"), *options], check=True, capture_output=True, text=True, timeout=60)

    def start(self) -> None:
        """Start it and wait until it answers, after a crash once its log is replayed."""
        self._control("--timeout", _START_SECONDS, "--log", self.home / "log", "start")

    def stop(self) -> None:
        """End it as a crash does: nobody is waited for, nothing is written out."""
        self._control("--mode=immediate", "stop")

    def _control(self, *arguments: object) -> None:
        data = self.home / "data"
        _run(self.account, [self.programs / "pg_ctl", "--silent", "--wait", "--pgdata", data, *arguments])


def find_programs() -> Path | None:
    """Return the directory of initdb, pg_ctl and psql, the newest that the machine has."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    # /usr/bin/initdb is often a link into the directory that has the rest.
    return Path(found).resolve().parent if found else None


@contextlib.contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """A server of its own, started; at the end it is stopped and its data removed."""
    # Not below pytest's own directory: that is root's alone where root runs the tests, and the server runs as somebody else.
    home = Path(tempfile.mkdtemp(prefix="task-manager-postgres-"))
    data = home / "data"
    account = _account(home)
    server = PostgresServer(programs, free_port(), home, account)
    options = {
        "port": server.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        # The data dies with the tests. The death of its processes alone loses nothing, with this off too.
        "fsync": "off",
        "max_connections": 100,
    }
    try:
        _run(
            account,
            [
                programs / "initdb",
                "--auth=trust",
                "--username=tests",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                data,
            ],
        )
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start the one server of this test run, and stop it at the end."""
    programs = find_programs()
    if programs is None:
        reason = "no PostgreSQL server binaries on this machine"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with running_server(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Yield the URL of an empty database, which is dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    postgres_server.run_sql(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _account(home: Path) -> str | None:
    """Return whom to run the server as, owner of `home` from now on; None is this user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    account = next(name for name in _ACCOUNTS if name in known)
    shutil.chown(home, user=account)
    return account


def _run(account: str | None, command: Sequence[object]) -> None:
    result = subprocess.run(
        [str(part) for part in command],
        user=account,
        # A group of the account would need rights on nothing; none of root's may stay.
        extra_groups=[] if account else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        # pg_ctl leaves a server behind that would hold a pipe open for ever.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if result.returncode != 0:
        log = Path(str(command[-2])) if command[-1] == "start" else None
        detail = log.read_text() if log is not None and log.exists() else ""
        raise RuntimeError(f"{command[0]} ended with status {result.returncode}\n{detail}")
