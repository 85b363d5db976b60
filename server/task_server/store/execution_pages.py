"""Pages of executions, in any order, each beginning right behind the last one's end.

In the order of creation, which is the usual one, the rows of each status come from an index that has them in that order already,
and are merged: so a page costs the same however many rows there are. Any other order sorts what matches.
"""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.execution import Execution
from task_server.domain.filters.narrowing import Attribute, decided
from task_server.domain.listing import ExecutionFilter
from task_server.domain.ordering import NEWEST, By, Order, Place, is_by_creation
from task_server.domain.status import ExecutionStatus
from task_server.store import attributes, records
from task_server.store.clause import Clause, joined
from task_server.store.dialect import Dialect, dialect
from task_server.store.matching import executions_clause, sought_attribute
from task_server.store.row_clause import row_clause
from task_server.store.tables.executions import ExecutionRow

_COLUMNS = ", ".join(records.EXECUTION)
#: By what an order asks for, the column that has it, where that is not called the same.
_EXPRESSIONS = {"created_by": "owner_id", "duration": "(finished_at - started_at)"}
_TEXTS = {"status", "module", "task_name", "created_by"}
_UNSET = {"started_at", "finished_at", "observed_at", "duration"}
#: By what is asked for, most telling first: the index that has it in front, then the status, and then the order of creation.
_INDEXES = (
    (("parent_task",), "execution_list_task"),
    (("owner_id", "task_name"), "execution_list_owner_name"),
    (("owner_id", "module"), "execution_list_owner_module"),
    (("task_name",), "execution_list_name"),
    (("owner_id",), "execution_list_owner"),
    (("module",), "execution_list_module"),
    ((), "execution_list"),
)


def page(wanted: ExecutionFilter, after: Place, limit: int, order: Order = NEWEST) -> list[Execution]:
    """Up to `limit` executions that match, in that order, beginning behind the place `after` (empty: with the first)."""
    asked = page_query(wanted, after, limit, order)
    if asked is None:
        return []
    return [
        records.execution(row) for row in ExecutionRow._meta.database.execute_sql(asked.text, asked.values).fetchall()
    ]


def page_query(wanted: ExecutionFilter, after: Place, limit: int, order: Order = NEWEST) -> Clause | None:
    """The query of a page, None where nothing can match."""
    says = dialect()
    found = (_merged if is_by_creation(order) else _sorted)(wanted, after, order, limit, says)
    return found and found.within(
        f"SELECT {_COLUMNS} FROM (",  # noqa: S608 - names of ours
        f") AS page CROSS JOIN execution WHERE id = row_id ORDER BY {_keys_in_order(order)}",
    )


def count(wanted: ExecutionFilter, most: int) -> int:
    """How many executions match, at most so many: no more rows are looked at than for a page of that size."""
    found = _merged(wanted, (), NEWEST, most, dialect())
    if found is None:
        return 0
    whole = found.within("SELECT COUNT(*) FROM (", ") AS page")
    (counted,) = ExecutionRow._meta.database.execute_sql(whole.text, whole.values).fetchone()
    return int(counted)


def _merged(wanted: ExecutionFilter, after: Place, order: Order, limit: int, says: Dialect) -> Clause | None:
    sought = sought_attribute(wanted)
    parts = _by_attribute(wanted, after, order, says, sought) if sought else _by_status(wanted, after, order, says)
    if not parts:
        return None
    ordered = f" ORDER BY {_keys_in_order(order)} LIMIT {says.mark}"
    named = [part.within("SELECT * FROM (", f"{ordered}) AS part_{number}", limit) for number, part in enumerate(parts)]
    values = tuple(value for part in named for value in part.values)
    return Clause(" UNION ALL ".join(part.text for part in named), values).within("", ordered, limit)


def _by_status(wanted: ExecutionFilter, after: Place, order: Order, says: Dialect) -> list[Clause]:
    index = says.indexed_by(next(name for fields, name in _INDEXES if all(getattr(wanted, field) for field in fields)))
    parts = []
    for status in [wanted.status] if wanted.status else ExecutionStatus:
        left = decided(wanted.condition, status) if wanted.condition is not None else True
        if left is False:
            continue
        asked = [row_clause(replace(wanted, status=status, condition=None if left is True else left))]
        asked += _behind_creation("created_at, id", after, order, says)
        found = f"SELECT id AS row_id, created_at AS key_0 FROM execution{index} WHERE "  # noqa: S608 - names of ours
        parts.append(joined("AND", asked).within(found, ""))
    return parts


def _by_attribute(
    wanted: ExecutionFilter, after: Place, order: Order, says: Dialect, sought: Attribute
) -> list[Clause]:
    behind = _behind_creation("recorded_at, execution_id", after, order, says)
    return [
        attributes.found(joined("AND", [way, *behind]), besides, "execution_id AS row_id, recorded_at AS key_0")
        for way, besides in attributes.ways(wanted, sought)
    ]


def _behind_creation(key: str, after: Place, order: Order, says: Dialect) -> list[Clause]:
    beyond = "<" if order[0].is_descending else ">"
    return [Clause(f"({key}) {beyond} ({says.mark}, {says.mark})", after)] if after else []


def _sorted(wanted: ExecutionFilter, after: Place, order: Order, limit: int, says: Dialect) -> Clause:
    keys = [_key(by, says) for by in order]
    asked = [executions_clause(wanted)]
    if after:
        asked.append(_behind(after, keys, order, says))
    named = "".join(f", {key.text} AS key_{number}" for number, key in enumerate(keys))
    return joined("AND", asked).within(
        f"SELECT id AS row_id{named} FROM execution WHERE ",  # noqa: S608 - names of ours
        f" ORDER BY {_keys_in_order(order)} LIMIT {says.mark}",
        limit,
    )


def _key(by: By, says: Dialect) -> Clause:
    key = Clause(_EXPRESSIONS.get(by.field, by.field))
    return says.ordered(key) if by.field in _TEXTS else key


def _keys_in_order(order: Order) -> str:
    """What a selection of `key_0`, `key_1`, ... and `row_id` is ordered by."""
    ways = ["DESC" if by.is_descending else "ASC" for by in order]
    last = [" NULLS LAST" if by.field in _UNSET else "" for by in order]
    keys = [f"key_{number} {way}{nulls}" for number, (way, nulls) in enumerate(zip(ways, last, strict=True))]
    return ", ".join([*keys, f"row_id {ways[-1]}"])


def _behind(after: Place, keys: list[Clause], order: Order, says: Dialect) -> Clause:
    """What is true of the rows behind a place: equal to it in the first keys, and behind it in the next one."""
    ways = []
    same: list[Clause] = []
    for value, key, by in zip(after, [*keys, Clause("id")], [*order, By("id", order[-1].is_descending)], strict=True):
        is_unset = key.within("", " IS NULL")
        if value is None:
            same.append(is_unset)
            continue  # nothing of this key comes behind what has none
        beyond = key.within("", f" {'<' if by.is_descending else '>'} {says.mark}", value)
        behind = joined("OR", [beyond, is_unset]) if by.field in _UNSET else beyond
        ways.append(joined("AND", [*same, behind]))
        same.append(key.within("", f" = {says.mark}", value))
    return joined("OR", ways)
