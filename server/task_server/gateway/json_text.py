"""The first JSON value of a request body, as plain Python values."""

from __future__ import annotations

import json
from typing import Any

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None

_SPACE = " \t\r\n"


class JsonSyntaxError(ValueError):
    """The text is not JSON. The message says where."""


class RepeatedKey(dict[str, JsonValue]):
    """An object in which a key stands twice. protojson refuses those; here the reader does, because it knows the path."""

    key: str = ""


def read_first(text: bytes) -> tuple[bool, JsonValue]:
    """Reads the first JSON value and looks no further, as the official gateway does.

    Returns:
        Whether there is one (a body may be empty or blank), and the value.

    Raises:
        JsonSyntaxError: what stands there is not JSON.
    """
    # Bytes that are no UTF-8 become surrogates: syntax errors between tokens, refused in strings by every field that they reach.
    decoded = text.decode("utf-8", "surrogateescape").lstrip(_SPACE)
    if not decoded:
        return False, None
    try:
        value, _ = _DECODER.raw_decode(decoded)
    except RecursionError:
        reason = "nested too deep"
        raise JsonSyntaxError(reason) from None
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise JsonSyntaxError(reason) from None
    except ValueError as error:
        reason = f"not JSON: {error}"
        raise JsonSyntaxError(reason) from None
    return True, value


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = RepeatedKey(members)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


def _constant(name: str) -> Any:
    reason = f"{name} is no JSON number"
    raise ValueError(reason)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
