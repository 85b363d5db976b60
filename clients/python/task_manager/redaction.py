"""What of a task's arguments, result and errors may be told: no secrets, and not too much.

A secret is known by its name: that of an argument, of a key at any depth, or of what stands before `=` or `:` in a text. So are
passwords in URLs. What is withheld or cut says so in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from json.encoder import encode_basestring
from typing import Any

from task_manager.readable import readable
from task_manager.values import LARGEST_INTEGER

REDACTED = "[redacted]"
"""What stands in the place of a secret."""
WORDS = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "access_key",
    "private_key",
    "authorization",
    "credential",
    "cookie",
    "session_id",
    "jwt",
    "passcode",
    "creds",
    "account_key",
    "encryption_key",
    "signing_key",
    "ssh_key",
)
"""Words that make a name that of a secret, wherever in it they stand, in any case, with `_`, `-` or nothing between their parts."""
_ENDINGS = ("pass", "auth")
"""What else makes a name that of a secret where it ends so, as `DB_PASS`."""

_DEEPEST = 16
# The usual types first: to ask an abstract class takes as long as to copy a value.
_OBJECTS = (dict, Mapping)
_CONTAINERS = (list, tuple, *_OBJECTS, Set)
_LONGEST_KEY = 200
#: A URL's password may end this far behind what is kept of a text.
_MARGIN = 4096
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/]*@")
#: Who calls by HTTP with a name alone, calls with a token.
_URL_TOKEN = re.compile(r"(https?://)[^\s/:@]+@", re.IGNORECASE)
_UNENDED_URL = re.compile(r"://[^\s/@]*\Z")
#: A name in any notation, up to what is said of it; and that. A name is taken whole, from where it begins, so that one pass does.
_NAMED = re.compile(r"""(?<![\w.-])([\w.-]++)\\{0,3}["']?\s{0,3}[=:]>?\s{0,3}""")
#: Quoted as in Python or JSON, or as that is within a text that is quoted itself; or up to what can not belong to it.
_SAID = re.compile(
    r"""((?:[bru]{0,2}(?=["']))?\\{0,3}["']?(?:(?:bearer|basic|digest|token)\s{1,3})?)"""
    r"""(?:(?<=\\["'])(?:(?!\\+["']).)+|(?<=")(?:[^"\\\n]|\\.)+|(?<=')(?:[^'\\\n]|\\.)+|[^\s"'&,;)\]}]+)""",
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans("", "", "_-. ")


class Redaction:
    """The rule of one app.

    Args:
        words: more words that make a name that of a secret, beside `WORDS`.
        most_argument_bytes: how much is told of one argument, in bytes of JSON.
        most_bytes: how much is told of all arguments together, and of a result.
    """

    def __init__(
        self, words: Iterable[str] = (), *, most_argument_bytes: int = 4 * 1024, most_bytes: int = 64 * 1024
    ) -> None:
        every = map(_plain, (*WORDS, *words))
        self._words = tuple(each for each in every if each)
        self._most_argument_bytes = most_argument_bytes
        self._most_bytes = most_bytes
        self._known: dict[str, bool] = {}

    def arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str] = ()
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a task as JSON. `names` are those of its positional parameters, as far as they have any."""
        left = self._most_bytes
        told_args: list[Any] = []
        for index, value in enumerate(args):
            if left <= 0:
                told_args.append(f"[cut: {len(args) - index:,} more]")
                break
            is_secret = index < len(names) and self.is_secret(names[index])
            told, left = self._argument(value, is_secret, left)
            told_args.append(told)
        told_kwargs: dict[str, Any] = {}
        for index, (name, value) in enumerate(kwargs.items()):
            if left <= 0:
                told_kwargs["[cut]"] = f"{len(kwargs) - index:,} more"
                break
            key = _key(name)
            told_kwargs[key], left = self._argument(value, self.is_secret(key), left - len(key))
        return told_args, told_kwargs

    def value(self, value: object) -> Any:
        """A result as JSON."""
        return self._copied(value, self._most_bytes)[0]

    def text(self, text: str) -> str:
        """A text, as an error, without the secrets that are known in it."""
        if "://" in text:
            text = _URL_TOKEN.sub(rf"\1{REDACTED}@", _URL_PASSWORD.sub(rf"\1{REDACTED}@", text))
        if not ("=" in text or ":" in text) or not self._has_word(text, _ENDINGS):
            return text
        parts: list[str] = []
        done = 0
        while named := _NAMED.search(text, done):
            parts.append(text[done : named.end()])
            done = named.end()
            if self.is_secret(named[1]) and (said := _SAID.match(text, done)):
                parts.append(said[1] + REDACTED)
                done = said.end()
        return "".join([*parts, text[done:]])

    def is_secret(self, name: str) -> bool:
        """True where the name is that of a secret."""
        known = self._known.get(name)
        if known is None:
            known = self._has_word(name) or _plain(name).endswith(_ENDINGS)
            # Keys may be data: what is remembered is bounded.
            if len(self._known) < 10_000:
                self._known[name] = known
        return known

    def _has_word(self, text: str, more: tuple[str, ...] = ()) -> bool:
        plain = _plain(text)
        return any(word in plain for word in (*self._words, *more))

    def _argument(self, value: object, is_secret: bool, left: int) -> tuple[Any, int]:
        if is_secret:
            return REDACTED, left - len(REDACTED)
        told, size = self._copied(value, min(left, self._most_argument_bytes))
        return told, left - size

    def _copied(self, value: object, most_bytes: int) -> tuple[Any, int]:
        copy = _Copy(self, most_bytes)
        try:
            told = copy.of(value, 0)
        except Exception as error:
            # Foreign containers may raise anything when they are looked at.
            told = f"<{type(value).__name__}: {type(error).__name__}>"
        return told, most_bytes - copy.left


class _Copy:
    """One value's copy in the making, and how many bytes of JSON it may still grow."""

    def __init__(self, redaction: Redaction, left: int) -> None:
        self._redaction = redaction
        self.left = left

    def of(self, value: object, depth: int) -> Any:
        """The value as JSON, of which each part takes from what is left."""
        kind = type(value)
        if kind is str:
            return self._text(value)  # type: ignore[arg-type]
        if value is None or kind is bool:
            self.left -= 5
            return value
        if kind is int and -LARGEST_INTEGER <= value <= LARGEST_INTEGER:  # type: ignore[operator]
            self.left -= 18
            return value
        if isinstance(value, _CONTAINERS):
            if depth >= _DEEPEST:
                return "[cut: nested too deep]"
            if names := getattr(value, "_fields", None):
                value = dict(zip(names, value, strict=False))
            return self._object(value, depth + 1) if isinstance(value, _OBJECTS) else self._array(value, depth + 1)
        if isinstance(value, bytes | bytearray | memoryview) and len(value) > self.left:
            return self._text(f"[cut: {len(value):,} bytes]")
        told = readable(value)
        if isinstance(told, str):
            return self._text(told)
        if isinstance(told, Mapping | list):
            return self.of(told, depth + 1)
        self.left -= 25
        return told

    def _object(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for count, (name, each) in enumerate(value.items()):
            if self.left <= 0:
                told["[cut]"] = f"{len(value) - count:,} more"
                break
            key = _key(name)
            self.left -= len(key) + 6
            told[key] = REDACTED if self._redaction.is_secret(key) else self.of(each, depth)
        return told

    def _array(self, value: Sequence[Any] | Set[Any], depth: int) -> list[Any]:
        if len(value) == 2 and isinstance(value, Sequence) and isinstance(value[0], str):
            # A name and its value, as headers are handed around.
            name, each = value
            return [self._text(name), REDACTED if self._redaction.is_secret(name) else self.of(each, depth)]
        told: list[Any] = []
        for count, each in enumerate(value):
            if self.left <= 0:
                told.append(f"[cut: {len(value) - count:,} more]")
                break
            self.left -= 2
            told.append(self.of(each, depth))
        return told

    def _text(self, text: str) -> str:
        length = len(text)
        room = max(self.left, 0)
        if length > room + _MARGIN:
            text = _UNENDED_URL.sub("", text[: room + _MARGIN])
        text = self._redaction.text(_encodable(text))
        size = _size(text)
        if size <= room:
            self.left -= size
            return text
        while text and (size := _size(text)) > room:
            text = text[: min(len(text) - 1, len(text) * room // size)]
        self.left = 0
        return f"{text}[cut: {length:,} characters]"


def _plain(name: str) -> str:
    return name.lower().translate(_SEPARATORS)


def _key(name: object) -> str:
    if type(name) is not str:
        told = readable(name)
        name = told if isinstance(told, str) else json.dumps(told)
    return _encodable(name[:_LONGEST_KEY])


def _encodable(text: str) -> str:
    # Half a surrogate pair is no UTF-8, and PostgreSQL keeps no NUL.
    if text.isascii():
        return text.replace("\0", "\\x00") if "\0" in text else text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _size(text: str) -> int:
    quoted = encode_basestring(text)
    return len(quoted) if text.isascii() else len(quoted.encode())
