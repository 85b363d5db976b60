"""How SQLite, from 3.34 on, filters."""

from __future__ import annotations

import json
from typing import Any

from task_server.store.clause import Clause
from task_server.store.json_path import Path, Scalar, json_path

_NUMBER = "('integer', 'real')"


class SqliteDialect:
    """As `Dialect` has it."""

    mark = "?"

    def ordered(self, text: Clause) -> Clause:
        """As it is: that is what it compares by."""
        return text

    def contains(self, text: Clause, part: str) -> Clause:
        """Whether a text has a part in it."""
        return text.within("instr(", ", ?) > 0", part)

    def ends_with(self, text: Clause, end: str) -> Clause:
        """Whether a text has an end, which is not empty."""
        return text.within("substr(", f", {-len(end)}) = ?", end)

    def indexed_by(self, index: str) -> str:
        """The index has to be named: without figures of the table SQLite does not know which one is best."""
        return f" INDEXED BY {index}"

    def exists(self, document: str, path: Path) -> Clause:
        """Whether there is anything at a path."""
        return _type(document, path).within("", " IS NOT NULL")

    def is_filled(self, document: str, path: Path) -> Clause:
        """Whether the object or list at a path has anything in it."""
        return _value(document, path).within("", " NOT IN ('{}', '[]')")

    def equals(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the value at a path is that one, of the same type."""
        if value is None or isinstance(value, bool):
            return _type(document, path).within("", f" = '{json.dumps(value)}'")
        kind = "('text')" if isinstance(value, str) else _NUMBER
        return _of_type(document, path, f"IN {kind}", " = ?", value)

    def text_at(self, document: str, path: Path) -> Clause:
        """The text at a path, NULL where anything else is."""
        return _of_type(document, path, "= 'text'", "")

    def compares(self, document: str, path: Path, operator: str, number: float) -> Clause:
        """Whether the number at a path compares so; not so where anything else is."""
        return _of_type(document, path, f"IN {_NUMBER}", f" {operator} ?", number)

    def has_element(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the list at a path has a value in it."""
        if value is None or isinstance(value, bool):
            return _in_each(document, path, "array", f"type = '{json.dumps(value)}'")
        kind = "('text')" if isinstance(value, str) else _NUMBER
        return _in_each(document, path, "array", f"type IN {kind} AND value = ?", value)

    def has_key(self, document: str, path: Path, key: str) -> Clause:
        """Whether the object at a path has a key."""
        return _in_each(document, path, "object", "key = ?", key)


def _readable(document: str) -> str:
    """Its functions fail for what is no JSON. Only where no backslash stands for itself is `\\u0000` always that character.

    U+FFFD stands there as itself: a path does not find a key that is written as `\\ufffd`.
    """
    whole = rf"replace(replace({document}, '\\', '\u005c'), '\u0000', '" + "\ufffd')"
    return (
        f"CASE WHEN NOT json_valid({document}) THEN NULL WHEN instr({document}, '\\u0000') > 0 THEN {whole} "
        f"ELSE {document} END"
    )


def _type(document: str, path: Path) -> Clause:
    return Clause(f"json_type({_readable(document)}, ?)", (json_path(path),))


def _value(document: str, path: Path) -> Clause:
    return Clause(f"json_extract({_readable(document)}, ?)", (json_path(path),))


def _of_type(document: str, path: Path, types: str, behind: str, *values: Any) -> Clause:
    kind, value = _type(document, path), _value(document, path)
    text = f"CASE WHEN {kind.text} {types} THEN {value.text}{behind} END"
    return Clause(text, (*kind.values, *value.values, *values))


def _in_each(document: str, path: Path, kind: str, condition: str, *values: Any) -> Clause:
    found = f"SELECT 1 FROM json_each({_readable(document)}, ?) WHERE {condition}"  # noqa: S608 - values are parameters
    return _type(document, path).within("(", f" = '{kind}' AND EXISTS ({found}))", json_path(path), *values)
