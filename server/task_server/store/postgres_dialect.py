"""How PostgreSQL filters. Its function `stored_json` (migration 11) reads JSON text."""

from __future__ import annotations

from task_server.store.clause import Clause
from task_server.store.json_path import Path, Scalar, json_path


class PostgresDialect:
    """As `Dialect` has it."""

    mark = "%s"

    def ordered(self, text: Clause) -> Clause:
        """A text that compares by code points, whatever the database's collation is."""
        return text.within("", ' COLLATE "C"')

    def contains(self, text: Clause, part: str) -> Clause:
        """Whether a text has a part in it."""
        return text.within("strpos(", ", %s) > 0", part)

    def ends_with(self, text: Clause, end: str) -> Clause:
        """Whether a text has an end, which is not empty."""
        return text.within("right(", f", {len(end)}) = %s", end)

    def indexed_by(self, _: str) -> str:
        """Nothing: it knows the table's figures and chooses itself."""
        return ""

    def exists(self, document: str, path: Path) -> Clause:
        """Whether there is anything at a path."""
        return _value(document, path).within("", " IS NOT NULL")

    def is_filled(self, document: str, path: Path) -> Clause:
        """Whether the object or list at a path has anything in it."""
        return _value(document, path).within("", " NOT IN ('{}'::jsonb, '[]'::jsonb)")

    def equals(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the value at a path is that one, of the same type."""
        return _value(document, path).within("", f" = to_jsonb({_typed(value)})", _bound(value))

    def text_at(self, document: str, path: Path) -> Clause:
        """The text at a path, NULL where anything else is."""
        return _of_type(document, path, "string", Clause(" #>> '{}'"))

    def compares(self, document: str, path: Path, operator: str, number: float) -> Clause:
        """Whether the number at a path compares so; not so where anything else is."""
        return _of_type(document, path, "number", Clause(f"::numeric {operator} %s::numeric", (_bound(number),)))

    def has_element(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the list at a path has a value in it."""
        return _of_type(document, path, "array", Clause(f" @> jsonb_build_array({_typed(value)})", (_bound(value),)))

    def has_key(self, document: str, path: Path, key: str) -> Clause:
        """Whether the object at a path has a key."""
        return _of_type(document, path, "object", Clause(" ? %s", (key,)))


def _value(document: str, path: Path) -> Clause:
    # In strict mode a place is one of a list: elsewhere PostgreSQL takes any value for a list of one.
    found = f"jsonb_path_query_first(stored_json({document}), %s::jsonpath, '{{}}', true)"
    return Clause(found, (f"strict {json_path(path)}",))


def _of_type(document: str, path: Path, kind: str, then: Clause) -> Clause:
    # A CASE, since the parts of an AND may be asked in any order, and fail for another type.
    value = _value(document, path)
    text = f"CASE WHEN jsonb_typeof({value.text}) = '{kind}' THEN {value.text}{then.text} END"
    return Clause(text, (*value.values, *value.values, *then.values))


def _typed(value: Scalar) -> str:
    if value is None:
        return "%s::json"
    return {str: "%s::text", bool: "%s::boolean"}.get(type(value), "%s::numeric")


def _bound(value: Scalar) -> Scalar:
    """Its numbers are exact, so that one goes there as the text that it has in JSON."""
    if value is None:
        return "null"
    return value if isinstance(value, str | bool) else repr(value)
