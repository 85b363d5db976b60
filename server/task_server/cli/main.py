"""The commands, what they have in common, and those that run a process."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import task_server
from task_server import config, logs
from task_server.cli import secrets, tokens, tracker
from task_server.config import ConfigError, Settings
from task_server.embedded.errors import StackError

Command = Callable[[argparse.Namespace, Settings], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 it could not be done, 2 it was asked for wrongly."""
    arguments = build_parser().parse_args(argv)
    # Whatever is made, as SQLite's database: nothing of it for other users. What the group may is the operator's to say.
    os.umask(os.umask(0o077) | 0o007)
    command: Command = arguments.command
    try:
        settings = config.load(
            arguments.config,
            data_dir=arguments.data_dir,
            grpc_address=arguments.grpc_address,
            http_address=arguments.http_address,
            insecure=arguments.insecure,
            allow_unsandboxed_code=arguments.allow_unsandboxed_code,
        )
        logs.configure(settings.log_level, settings.log_format, arguments.process)
        return command(arguments, settings)
    except ConfigError as error:
        return _refuse(error, 2)
    except StackError as error:
        return _refuse(error, 1)
    except KeyboardInterrupt:
        # Before the command has taken the signal, while it still loads.
        return 130


def _refuse(error: Exception, status: int) -> int:
    print(f"task-server: {'; '.join(str(error).splitlines())}", file=sys.stderr)
    return status


def _composed(command: Command) -> Command:
    """Return the command with the composition root loaded for it, whose StartError becomes one line."""

    def run(arguments: argparse.Namespace, settings: Settings) -> int:
        from task_server.bootstrap import errors

        try:
            return command(arguments, settings)
        except errors.StartError as error:
            return _refuse(error, 1)

    return run


def _up(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.embedded import up

    try:
        return up.run(settings)
    except OSError as error:
        # What it does itself is all in the data directory.
        return _refuse(StackError(f"{error.filename or settings.data_dir}: {error.strerror}"), 1)


def _server(_: argparse.Namespace, settings: Settings) -> int:
    # What gRPC's core would write to standard error, of a port in use for example, comes as an exception too, and in our words.
    # It reads this when it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from task_server.bootstrap import server

    return server.run(settings)


def _gateway(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import gateway

    return gateway.run(settings)


def _worker(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import worker

    return worker.run(settings)


def _scheduler(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import scheduler

    return scheduler.run(settings)


def _migrate(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import migration

    print(f"the database is at schema version {migration.migrate(settings)}")
    return 0


def _prepare(_: argparse.Namespace, settings: Settings) -> int:
    """Do what `up` needs done before its server starts, in one process: migrate, make keys, and see that the admin has a token."""
    from task_server.bootstrap import migration, sealing, tokens
    from task_server.embedded import data_dir

    migration.migrate(settings)
    sealing.make_key(settings)
    path = data_dir.admin_token_path(settings.data_dir)
    if data_dir.ensure_admin_token(
        path,
        tokens.exist(settings),
        lambda: tokens.create(settings, user_id="admin", username="admin", role="admin"),
    ):
        print(f"task-server: the admin's token is in {path}", file=sys.stderr)
    return 0


def _health(arguments: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import health

    status = health.check(settings, arguments.service)
    if status == "SERVING":
        return 0
    print(f"task-server: {arguments.service or 'the server'} at {settings.grpc_address} is {status}", file=sys.stderr)
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; `command` and `process` in its answer are what to run and its name in logs."""
    parser = argparse.ArgumentParser(prog="task-server", description="A task service over gRPC and REST.")
    parser.add_argument("--version", action="version", version=f"task-server {task_server.__version__}")
    parser.set_defaults(grpc_address=None, http_address=None, data_dir=None, allow_unsandboxed_code=None)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        _add_settings(sub)
        sub.set_defaults(command=command, process=name)
        return sub

    up = add(
        "up",
        _up,
        "Run the whole service on this machine: broker, server, gateway, worker and scheduler, and a tracker where "
        "tracked_apps_file names other Celery apps.",
    )
    up.add_argument("--grpc-address", metavar="HOST:PORT", help="where gRPC listens; port 0 means any free one")
    up.add_argument("--http-address", metavar="HOST:PORT", help="where REST listens; port 0 means any free one")
    add("server", _composed(_server), "Run the gRPC server.")
    add("gateway", _composed(_gateway), "Run the REST gateway, a client of the gRPC server.")
    worker = add("worker", _composed(_worker), "Run a worker.")
    worker.add_argument(
        "--allow-unsandboxed-code",
        action="store_const",
        const=True,
        help="also run code where its cage does not hold on this machine",
    )
    add("scheduler", _composed(_scheduler), "Run a scheduler.")
    add("migrate", _composed(_migrate), "Bring the database to this version's schema.")
    add(
        "prepare",
        _composed(_prepare),
        "Migrate, and make admin.token where it is missing: what `up` does before its server starts.",
    )
    health = add(
        "health", _composed(_health), "Exit 0 if the gRPC server answers SERVING, else 1: the check of a container."
    )
    health.add_argument("--service", default="", help="full name of one gRPC service; by default the whole server")

    tracker.add_command(commands, _composed, _add_settings)
    tokens.add_commands(commands, _composed, _add_settings)
    secrets.add_commands(commands, _composed, _add_settings)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML; the environment wins over it")
    parser.add_argument(
        "--insecure",
        action="store_true",
        default=None,
        help="let plain text go to other machines: both ports, broker and database",
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where database, broker files and keys are kept")
