"""The JSON of a token, read more strictly than JSON is: what two readers could read differently is refused."""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from typing import Any, NoReturn

#: Longer texts than any name or id has.
_LONGEST_TEXT = 200


class MalformedError(ValueError):
    """A part of a token, or a claim, is not of the form that it must have. The message says which, and never its value."""


def read_part(part: str) -> dict[str, Any]:
    """The object in a base64url part of a token. Raises MalformedError, for keys that come twice too."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (binascii.Error, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MalformedError("a part is no JSON in base64url") from error
    if not isinstance(found, dict):
        raise MalformedError("a part is no JSON object")
    return found


def text_of(claims: dict[str, Any], path: tuple[str, ...]) -> str:
    """The text of a claim. Raises MalformedError where it is missing, empty, too long or no text, or has invisible characters."""
    value = find(claims, path)
    if not isinstance(value, str) or not is_plain(value):
        raise MalformedError(f"{'.'.join(path)} is no name of up to {_LONGEST_TEXT} visible characters")
    return value


def is_plain(value: str) -> bool:
    """Whether a text is fit to be an id or a name: visible characters and single spaces between them."""
    return 0 < len(value) <= _LONGEST_TEXT and not any(
        unicodedata.category(character)[0] == "C" or (character.isspace() and character != " ") for character in value
    )


def texts_of(claims: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    """The texts of a claim that has one or a list of them; none where it is missing. Raises MalformedError for anything else."""
    value = find(claims, path)
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise MalformedError(f"{'.'.join(path)} has something else than texts")
    return values


def moment_of(claims: dict[str, Any], name: str) -> float | None:
    """The time of a claim in seconds, None where it is missing. Raises MalformedError where it is no time."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        raise MalformedError(f"{name} is no time")
    return float(value)


def find(claims: dict[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at the end of the path, as `("realm_access", "roles")`; None where it ends before."""
    value: Any = claims
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
