"""`task-server tracker`: follows the apps of `tracked_apps_file`, or the one that the command line describes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from task_server.config import ConfigError, Settings

Command = Callable[[argparse.Namespace, Settings], int]
#: Option to key in a table of the file.
_TEXTS = {
    "broker": "the broker's URL; other users of this machine see it, so better --broker-file",
    "broker_file": "a file that holds the broker's URL",
    "backend": "the URL of the result backend; better --backend-file",
    "backend_file": "a file that holds the URL of the result backend",
    "time_zone": "the zone of those dates in a database of results that name none; by default UTC",
    "created_by": "the id of the user to whom runs belong that nobody registered; without it they are not recorded",
    "ca_file": "the authorities that broker and backend are trusted by, where they speak TLS",
    "cert_file": "the certificate that they are shown",
    "key_file": "its key",
}


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    composed: Callable[[Command], Command],
    add_settings: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add the command to those of `task-server`."""
    text = "Follow other Celery apps: those of tracked_apps_file, or the one that the options describe."
    parser = commands.add_parser("tracker", help="Follow other Celery apps.", description=text)
    add_settings(parser)
    parser.add_argument("--app", metavar="NAME", help="what the app is called in its runs")
    for name, text in _TEXTS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar="FILE" if name.endswith("_file") else "TEXT", help=text
        )
    parser.add_argument(
        "--module",
        dest="modules",
        metavar="NAME",
        action="append",
        help="whose runs are the app's where they name no app, all by default; * at the end is for all that begin so; repeatable",
    )
    parser.set_defaults(command=composed(_track), process="tracker")


def _track(arguments: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import tracker
    from task_server.tracking.configured import one_app

    given: dict[str, Any] = {name: getattr(arguments, name) for name in ("modules", *_TEXTS)}
    table = {name: value for name, value in given.items() if value is not None}
    if arguments.app is None and table:
        raise ConfigError("--app is missing: the options describe one app, and its runs are called by that name")
    if arguments.app is None:
        return tracker.run(settings)
    return tracker.run(settings, [one_app({"name": arguments.app} | table, insecure=settings.insecure)])
