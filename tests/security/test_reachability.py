"""Nothing dangerous can be reached by attributes from anything that a task is given."""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import functools
import itertools
import json
import os
import random
import re
import sys
from types import CodeType, FrameType, ModuleType, TracebackType

from task_server.sandbox.policy.guards import TaskClass, get_attribute, make_class
from task_server.sandbox.policy.modules import FACADES, Facade, names_in
from task_server.sandbox.policy.namespace import task_globals

DANGEROUS_TYPES = (ModuleType, FrameType, CodeType, TracebackType)
DANGEROUS = {
    id(getattr(builtins, name)): name
    for name in (
        *("open", "exec", "eval", "compile", "__import__", "vars", "globals", "locals", "breakpoint", "input"),
        *("type", "object", "super", "memoryview", "getattr", "setattr", "delattr", "dir"),
    )
} | {id(sys.modules): "sys.modules", id(os.environ): "os.environ", id(random.seed): "the shared random.seed"}
DEPTH = 5


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def generator():
    yield 1


def samples():
    """One object of every kind that a task can make or be handed."""
    named = collections.namedtuple("named", "x")
    task_class = make_class("A", (), {"method": lambda self: self, "prop": property(lambda self: 1)})
    yield from ("", b"", 1, 1.5, 1j, [], {}, (), set(), frozenset(), range(1), slice(1), None, ..., NotImplemented)
    yield from (generator(), lambda: 0, generator, map(str, []), zip(), filter(None, []), enumerate([]), iter([]))
    yield from (raised(ValueError("x")), raised(AttributeError("x", name="a", obj=os)), raised(ImportError("x")))
    yield from (StopIteration(1), OSError(1, "x", "f"), SyntaxError("x"), UnicodeDecodeError("u", b"", 0, 1, "r"))
    yield from (re.match("a", "a"), re.compile("a"), re.finditer("a", "a"), json.JSONDecodeError("m", "d", 0))
    yield from (datetime.datetime(2026, 1, 1), datetime.timedelta(1), datetime.UTC)  # noqa: DTZ001
    yield from (collections.deque(), collections.Counter(), collections.defaultdict(list), collections.ChainMap())
    yield from (collections.OrderedDict(), named, named(1), decimal.Decimal(1), fractions.Fraction(1, 2))
    yield from (functools.partial(len), functools.lru_cache(generator), functools.cmp_to_key(lambda _a, _b: 0))
    yield from (itertools.count(), itertools.chain(), task_class, task_class(), task_class().method)
    yield from (get_attribute("{}", "format"), get_attribute("{}", "format_map"), property(), staticmethod(generator))


def test_a_walk_over_attributes_meets_nothing_dangerous():
    names = task_globals(print)["__builtins__"]
    queue = collections.deque((name, value, 0) for name, value in names.items() if not name.startswith("_"))
    queue += [(name, facade, 0) for name, facade in FACADES.items()]
    queue += [(repr(sample)[:30], sample, 0) for sample in samples()]
    seen = {}
    hits = []
    while queue:
        path, value, depth = queue.popleft()
        if id(value) in seen:
            continue
        seen[id(value)] = value  # kept, so that no id is given out again
        if isinstance(value, DANGEROUS_TYPES) or id(value) in DANGEROUS:
            hits.append((path, type(value).__name__))
        if depth == DEPTH:
            continue
        for name in names_in(value) if isinstance(value, Facade) else dir(value):
            try:
                reached = get_attribute(value, name)
            except Exception:
                continue
            queue.append((f"{path}.{name}", reached, depth + 1))
    assert hits == []
    assert len(seen) > 1_000


def test_what_is_handed_out_is_what_is_listed():
    names = task_globals(print)["__builtins__"]
    for missing in ("open", "exec", "eval", "compile", "type", "object", "super", "vars", "dir", "globals", "locals"):
        assert missing not in names
    assert isinstance(make_class("A", (), {}), TaskClass)
