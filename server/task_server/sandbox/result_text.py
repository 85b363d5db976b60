"""A task's return value as JSON text.

Strict and by exact type: nothing that a task has written itself runs here, and what comes out is JSON for every reader.
"""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, defaultdict
from typing import Any

from task_server.sandbox.policy.vocabulary import shown_name

#: As protobuf JSON values, which is how a result is answered, each level of dicts nests three messages deep; parsers stop at 100.
MAX_DEPTH = 30
_MAX_INTEGER_BITS = 4096
_DICTS = (dict, OrderedDict, defaultdict, Counter)


class NotJson(Exception):
    """The value is no JSON; the message says which part of it and what to return instead."""


class TooLarge(Exception):
    """The value is larger than a result may be."""


def result_text(value: Any, max_bytes: int) -> bytes:
    """The value as JSON text in UTF-8.

    Dicts (also Counter, OrderedDict, defaultdict), lists, tuples, text, numbers, booleans and None are JSON. An integer
    as a key becomes text, as json.dumps has it. Raises NotJson and TooLarge.
    """
    plain = _Plain(max_bytes).of(value, "the result", 0)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > max_bytes:
        raise TooLarge
    return text


class _Plain:
    """Copies a value into plain containers, and stops as soon as it can not fit any more."""

    def __init__(self, budget: int) -> None:
        self._budget = budget

    def of(self, value: Any, where: str, depth: int) -> Any:
        kind = type(value)
        self._spend(1)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._text(value, where)
        if kind is int:
            if value.bit_length() > _MAX_INTEGER_BITS:
                _refuse(where, f"an integer of more than {_MAX_INTEGER_BITS} bits", "return it as text")
            return value
        if kind is float:
            if not math.isfinite(value):
                _refuse(where, f"the number {value}", "return None or text")
            return value
        if depth >= MAX_DEPTH:
            _refuse(where, f"nested more than {MAX_DEPTH} deep", "return something flatter")
        if kind in _DICTS:
            return self._dict(value, where, depth)
        if kind is list or isinstance(value, tuple):
            items = list.__iter__(value) if kind is list else tuple.__iter__(value)
            return [self.of(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(items)]
        return _refuse(where, f"of type {_type_name(kind)}", "return dicts, lists, text, numbers, booleans or None")

    def _dict(self, value: Any, where: str, depth: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in dict.items(value):
            if type(key) is int and key.bit_length() <= _MAX_INTEGER_BITS:
                name = str(key)
            elif type(key) is str:
                name = self._text(key, where)
            else:
                _refuse(where, f"a dict with a key of type {_type_name(type(key))}", "use text as keys")
            if name in plain:
                _refuse(where, f"a dict with two keys that are {name[:50]!r} as text", "use text as keys")
            plain[name] = self.of(item, f"{where}[{name[:50]!r}]", depth + 1)
        return plain

    def _text(self, value: str, where: str) -> str:
        self._spend(len(value))
        try:
            value.encode()
        except UnicodeEncodeError:
            _refuse(where, "text with half of a surrogate pair", "return whole characters")
        return value

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise TooLarge


def _type_name(kind: type) -> str:
    # Past a class' own idea of its name.
    return shown_name(str(type.__getattribute__(kind, "__name__")))[:100]


def _refuse(where: str, what: str, instead: str) -> Any:
    message = f"{where[:300]} is {what}, which is not JSON; {instead}"
    raise NotJson(message)
