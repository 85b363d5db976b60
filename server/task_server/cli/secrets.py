"""`task-server secrets rotate | reencrypt`: how an operator changes the keys that the secrets of tasks are sealed with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from task_server.config import Settings

Command = Callable[[argparse.Namespace, Settings], int]


def add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    composed: Callable[[Command], Command],
    add_settings: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add the commands to those of `task-server`."""
    secrets = commands.add_parser("secrets", help="Change the keys of secrets.", description="Keys of secrets.")
    subs = secrets.add_subparsers(metavar="COMMAND", required=True)
    for name, command, text in (
        ("rotate", _rotate, "Put a new key before those in sealing_key_file; running servers and workers see it."),
        ("reencrypt", _reencrypt, "Seal all secrets with the first key, and say which keys are still needed."),
    ):
        sub = subs.add_parser(name, help=text, description=text)
        add_settings(sub)
        sub.set_defaults(command=composed(command), process="secrets")


def _rotate(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import sealing

    key_id = sealing.rotate(settings)
    print(f"new secrets are sealed with key {key_id}; next: task-server secrets reencrypt")
    return 0


def _reencrypt(_: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import sealing

    resealed, counts = sealing.reseal(settings)
    for failure in resealed.failures:
        print(f"task-server: {failure}", file=sys.stderr)
    print(f"sealed anew: {resealed.done}, changed meanwhile: {resealed.changed}, not opened: {len(resealed.failures)}")
    for key_id, number in sorted(counts.items()):
        print(f"key {key_id}: {number} secrets")
    return 1 if resealed.failures else 0
