"""`{{secrets.NAME}}`: where a placeholder may stand in an API task, and the action with secrets in their places.

Pure: text in, text out. What was filled in is not looked at again, so a secret can bring in no placeholder; in a URL it is
percent-encoded as a whole and stands behind scheme, host and port, so it decides neither where a call goes nor what its path means.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from task_server.domain.actions import HttpAction
from task_server.domain.secret import Secret

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLACEHOLDER = re.compile(r"\{\{ *secrets\.([A-Za-z_][A-Za-z0-9_]{0,63}) *\}\}")
_BEGINNING = re.compile(r"\{\{\s*secrets\b")
_ALONE = re.compile(rf"([A-Za-z][A-Za-z0-9_.-]*( +|=))?{_PLACEHOLDER.pattern}")
#: What says where a call goes; the rest is path, query and fragment.
_PLACE = re.compile(r"[^/?#]*(//[^/?#]*)?")

Fill = Callable[[str], str]


def names_in(text: str) -> list[str]:
    """The names that placeholders in a text give."""
    return _PLACEHOLDER.findall(text)


def is_misspelt(text: str) -> bool:
    """Whether something begins like a placeholder and is none."""
    return len(_BEGINNING.findall(text)) != len(names_in(text))


def is_template(text: str) -> bool:
    """Whether a header's value is one placeholder, alone or after a scheme or a cookie's name, and so no secret itself."""
    return bool(_ALONE.fullmatch(text))


def has_placeholder(text: str) -> bool:
    """Whether a text has a placeholder in it, or what begins like one."""
    return bool(_BEGINNING.search(text))


def place(url: str) -> str:
    """The part of a URL that says where a call goes."""
    found = _PLACE.match(url)
    return found[0] if found else ""


def texts(action: HttpAction) -> Iterator[tuple[str, str]]:
    """Where placeholders may stand: the field, as it is called in the contract, and a text in it."""
    yield "api_url", action.url
    for value in action.headers.values():
        yield "headers", value
    yield from (("params", text) for text in _strings(action.params))
    yield from (("data", text) for text in _strings(action.data))
    yield "raw_body", _text(action.raw_body_base64) or ""


def keys(action: HttpAction) -> Iterator[tuple[str, str]]:
    """Names within JSON values, where none may stand: the field and the name."""
    yield from (("params", key) for key in _keys(action.params))
    yield from (("data", key) for key in _keys(action.data))


def filled(action: HttpAction, headers: Mapping[str, Secret], values: Mapping[str, Secret]) -> HttpAction:
    """The action as it is to be sent: with its secret headers, and with values in the places of their names.

    Raises KeyError for a name that has no value.
    """

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: values[found[1]].plain, text)

    def fill_url(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: quote(values[found[1]].plain, safe=""), text)

    start = place(action.url)
    body = _text(action.raw_body_base64)
    plain = {name: fill(value) for name, value in action.headers.items()}
    return replace(
        action,
        url=start + fill_url(action.url[len(start) :]),
        headers=plain | {name: secret.plain for name, secret in headers.items()},
        params=_mapped(action.params, fill),
        data=_mapped(action.data, fill),
        raw_body_base64=base64.b64encode(fill(body).encode()).decode() if body else action.raw_body_base64,
        sealed=(),
    )


def _text(body_base64: str) -> str | None:
    """A body as text, None where it is none."""
    try:
        return base64.b64decode(body_base64).decode()
    except (UnicodeDecodeError, binascii.Error):
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keys(item)


def _mapped(value: Any, fill: Fill) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, dict):
        return {key: _mapped(item, fill) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, fill) for item in value]
    return value
