"""`task-server token create | list | revoke`: how an operator gives the first tokens, and takes any back without a token."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from task_server.config import Settings
from task_server.domain.clock import Micros, micros
from task_server.domain.owner import Grant, Role

Command = Callable[[argparse.Namespace, Settings], int]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_MAX_TEXT = 200
_NO_GRANTS = "none"


def add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    composed: Callable[[Command], Command],
    add_settings: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add the commands to those of `task-server`."""
    token = commands.add_parser("token", help="Make, list and revoke API tokens.", description="API tokens.")
    subs = token.add_subparsers(metavar="COMMAND", required=True)
    create = subs.add_parser("create", help="Make a token and print its key, which is shown only here.")
    create.add_argument("--user", required=True, type=_text, help="id of the user whom it belongs to")
    create.add_argument("--name", type=_text, help="the user's name, shown as created_by; by default the id")
    create.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.EDITOR.value, help="what it may do"
    )
    create.add_argument(
        "--grant",
        action="append",
        choices=[*(grant.value for grant in Grant), _NO_GRANTS],
        help="what it may do that no role allows by itself, once for each; by default an editor and an admin may create both kinds "
        f"of tasks, and the others have none. '{_NO_GRANTS}' means none",
    )
    create.add_argument("--token-name", type=_text, help="what you call the token, as 'laptop'")
    expiry = create.add_mutually_exclusive_group()
    expiry.add_argument(
        "--expires-in", type=_duration, metavar="TIME", help="as 90m, 12h, 30d or 52w; by default never"
    )
    expiry.add_argument("--expires-at", type=_time, metavar="TIME", help="as 2030-01-31T08:00:00Z")
    add_settings(create)
    create.set_defaults(command=composed(_create), process="token")
    listing = subs.add_parser("list", help="List all tokens, newest first; of their secrets nothing is known.")
    listing.add_argument("--json", action="store_true", help="as a list of JSON objects, in one line")
    add_settings(listing)
    listing.set_defaults(command=composed(_list), process="token")
    revoke = subs.add_parser(
        "revoke", help="End a token: within 5 s it is refused everywhere, and its open watches end."
    )
    revoke.add_argument("id", help="the part of its key between tsk_ and the secret, as `list` shows it")
    add_settings(revoke)
    revoke.set_defaults(command=composed(_revoke), process="token")


def _create(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the key alone, so that a script can take it."""
    from task_server.bootstrap import tokens

    if arguments.grant and _NO_GRANTS in arguments.grant and len(arguments.grant) > 1:
        print(f"task-server: --grant {_NO_GRANTS} stands alone; leave out the others", file=sys.stderr)
        return 2
    grants = None if arguments.grant is None else [Grant(word) for word in arguments.grant if word != _NO_GRANTS]
    key = tokens.create(
        settings,
        user_id=arguments.user,
        username=arguments.name or arguments.user,
        role=arguments.role,
        grants=grants,
        name=arguments.token_name or "",
        expires_at=arguments.expires_at,
        expires_in=arguments.expires_in,
    )
    print(key)
    return 0


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from task_server.bootstrap import tokens

    found = tokens.everything(settings)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    _print_table(
        ["ID", "USER", "ROLE", "GRANTS", "NAME", "CREATED", "EXPIRES", "LAST USED", "STATE"],
        [
            [
                token["id"],
                token["user"],
                token["role"],
                ",".join(token["grants"]) or "-",
                token["name"] or "-",
                token["created_at"],
                token["expires_at"] or "never",
                token["last_used_at"] or "never",
                token["state"],
            ]
            for token in found
        ],
    )
    return 0


def _revoke(arguments: argparse.Namespace, settings: Settings) -> int:
    """End the token. The last admin's too: whoever runs this can make another one, and is told to."""
    from task_server.bootstrap import tokens

    if not tokens.revoke(settings, arguments.id):
        print(
            f"task-server: there is no token with the id {arguments.id!r}; see: task-server token list", file=sys.stderr
        )
        return 1
    if not any(token["role"] == Role.ADMIN and token["state"] == "works" for token in tokens.everything(settings)):
        print(
            "task-server: no admin's token works any more; make one with: task-server token create --role admin --user ...",
            file=sys.stderr,
        )
    return 0


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value: str) -> str:
    if not value.strip() or len(value) > _MAX_TEXT or not value.isprintable():
        message = f"must have 1 to {_MAX_TEXT} characters, all of them printable"
        raise argparse.ArgumentTypeError(message)
    return value


def _duration(value: str) -> int:
    match = _DURATION.fullmatch(value)
    if match is None or not int(match[1]):
        raise argparse.ArgumentTypeError("must be a number and s, m, h, d or w, as 30d")
    return int(match[1]) * _UNITS[match[2]]


def _time(value: str) -> Micros:
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError("must be a time with its zone, as 2030-01-31T08:00:00Z")
    if time <= datetime.now(UTC):
        raise argparse.ArgumentTypeError("must be in the future")
    return micros(time)
