"""The processes of one installation, several of each role, and the broker. Whatever it starts ends with it."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.faults import orphans
from tests.faults.item import DEFAULT_QUEUE, NARROW_QUEUE
from tests.faults.link import Link
from tests.faults.options import Options
from tests.faults.process import Mishap, Process
from tests.faults.tables import Tables
from tests.postgres import PostgresServer, find_programs, running_server
from tests.processes import BARE, command, free_port

from task_server.embedded.broker import find_binary

_DATABASE = "faults"
_TEND_SECONDS = 0.2
_START_SECONDS = 60.0
#: What a worker says once it takes messages.
_READY = "worker is ready"


class Cluster:
    """Servers, workers, schedulers and a broker that keeps nothing, over one database."""

    def __init__(self, directory: Path, options: Options, postgres: PostgresServer | None) -> None:
        self.directory = directory
        self.options = options
        self.postgres = postgres
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in range(options.servers)]
        self.broker_port = free_port()
        url = f"sqlite:///{directory / 'task-manager.db'}" if postgres is None else postgres.url(_DATABASE)
        self.tables = Tables(url)
        #: Between the first worker and the others' broker and database.
        self.broker_link = Link(self.broker_port)
        self.database_link = None if postgres is None else Link(postgres.port)
        self._environment = BARE | {
            "TASK_SERVER_DATA_DIR": str(directory),
            "TASK_SERVER_DATABASE_URL": url,
            "TASK_SERVER_BROKER_URL": self.broker_url,
            **{f"TASK_SERVER_{name}": value for name, value in options.settings.items()},
        }
        self.broker = self._process("broker", [str(find_binary()), *self._broker_options()], {})
        self.servers = [
            self._process(f"server-{number}", command("server"), {"TASK_SERVER_GRPC_ADDRESS": address})
            for number, address in enumerate(self.addresses)
        ]
        self.workers = [
            self._process("worker-0", command("worker"), self._linked()),
            *(self._process(f"worker-{n}", command("worker"), {}) for n in range(1, options.workers)),
            self._process("worker-narrow", command("worker"), self._narrow()),
        ]
        self.schedulers = [self._process(f"scheduler-{n}", command("scheduler"), {}) for n in range(options.schedulers)]
        self.token = ""
        self._ending = threading.Event()
        self._tending = threading.Thread(target=self._tend, name="tending")

    @property
    def broker_url(self) -> str:
        return f"redis://127.0.0.1:{self.broker_port}/0"

    def queues_of_workers(self) -> dict[str, list[str]]:
        """The queues that each worker serves, by process id."""
        found: dict[str, list[str]] = {}
        for worker in self.workers:
            queue = NARROW_QUEUE if worker.name == "worker-narrow" else DEFAULT_QUEUE
            for pid in worker.pids:
                # The machine may give an id again.
                found.setdefault(str(pid), []).append(queue)
        return found

    @property
    def processes(self) -> list[Process]:
        return [self.broker, *self.servers, *self.workers, *self.schedulers]

    def start(self) -> None:
        """Make the tables and a token, and start everything."""
        self.broker.start()
        self._once("migrate")
        self.token = self._once("token", "create", "--user", "faults", "--role", "admin").strip()
        for process in self.processes:
            process.start()
        self._tending.start()
        deadline = time.monotonic() + _START_SECONDS
        while not all(worker.said().count(_READY) for worker in self.workers) and time.monotonic() < deadline:
            time.sleep(0.05)

    def mishaps(self) -> list[Mishap]:
        """What processes did that they should not have, orphans included."""
        return list(itertools.chain.from_iterable(process.mishaps for process in self.processes))

    def stop(self) -> list[Mishap]:
        """End everything as a service manager does; return what was left behind."""
        self._ending.set()
        self._tending.join()
        roles = [*self.servers, *self.schedulers, *self.workers]
        with ThreadPoolExecutor(len(roles)) as pool:
            list(pool.map(Process.drain, roles))
        self.broker.close()
        known = [process.pid for process in self.processes]
        left = orphans.end_adopted([*known, self.postgres.pid] if self.postgres is not None else known)
        return [Mishap("orphan", f"process {pid} ({program}) was left behind") for pid, program in left.items()]

    def close(self) -> None:
        """End what still runs, whatever happened."""
        self._ending.set()
        if self._tending.is_alive():
            self._tending.join()
        for process in self.processes:
            process.close()
        for link in (self.broker_link, self.database_link):
            if link is not None:
                link.close()

    def _linked(self) -> dict[str, str]:
        """What has a worker go over the links."""
        environment = {"TASK_SERVER_BROKER_URL": f"redis://127.0.0.1:{self.broker_link.port}/0"}
        if self.postgres is not None and self.database_link is not None:
            url = replace(self.postgres, port=self.database_link.port).url(_DATABASE)
            environment["TASK_SERVER_DATABASE_URL"] = url
        return environment

    def _narrow(self) -> dict[str, str]:
        """What has a worker serve the narrow queue alone, with few threads."""
        concurrency = str(self.options.narrow_concurrency)
        return {"TASK_SERVER_WORKER_QUEUES": NARROW_QUEUE, "TASK_SERVER_WORKER_CONCURRENCY": concurrency}

    def _broker_options(self) -> list[str]:
        return [
            *("--port", str(self.broker_port), "--bind", "127.0.0.1", "--dir", str(self.directory)),
            *("--save", "", "--appendonly", "no"),
        ]

    def _process(self, name: str, argv: list[str], extra: dict[str, str]) -> Process:
        return Process(name, argv, self._environment | extra, self.directory / f"{name}.log")

    def _once(self, *arguments: str) -> str:
        done = subprocess.run(
            command(*arguments), env=self._environment, capture_output=True, text=True, timeout=60, cwd="/"
        )
        if done.returncode != 0:
            raise RuntimeError(f"task-server {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def _tend(self) -> None:
        while not self._ending.wait(_TEND_SECONDS):
            for process in self.processes:
                process.tend()


@contextlib.contextmanager
def running(directory: Path, options: Options) -> Iterator[Cluster]:
    """A cluster, started, with a PostgreSQL server of its own where the options say so."""
    orphans.adopt()
    with contextlib.ExitStack() as stack:
        postgres = None
        if options.database == "postgresql":
            programs = find_programs()
            if programs is None:
                raise RuntimeError("no PostgreSQL server binaries on this machine; install them or choose sqlite")
            postgres = stack.enter_context(running_server(programs))
            postgres.run_sql(f"CREATE DATABASE {_DATABASE}")
        cluster = Cluster(directory, options, postgres)
        stack.callback(cluster.close)
        cluster.start()
        yield cluster
