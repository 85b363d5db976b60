"""Nothing dangerous can be reached by attributes or calls from anything that a task is given."""

from __future__ import annotations

import builtins
import collections
import contextlib
import csv
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import hmac
import io
import itertools
import json
import os
import random
import re
import sys
import types
import uuid
import warnings
from abc import ABCMeta
from types import CodeType, FrameType, ModuleType, TracebackType

import pytest

from task_server.sandbox.policy.classes import TaskClass, make_class, super_of
from task_server.sandbox.policy.data_classes import dataclass, field
from task_server.sandbox.policy.enumerations import Enum, EnumClass
from task_server.sandbox.policy.facade import Facade, names_in
from task_server.sandbox.policy.guards import get_attribute
from task_server.sandbox.policy.modules import FACADES
from task_server.sandbox.policy.namespace import task_globals
from task_server.sandbox.policy.patterns import PatternValue
from task_server.sandbox.policy.vocabulary import READABLE_ATTRIBUTES
from task_server.sandbox.policy.zones import load_zones

DANGEROUS_TYPES = (ModuleType, FrameType, CodeType, TracebackType)
METACLASSES = (type, ABCMeta, enum.EnumType, TaskClass, EnumClass)
DANGEROUS = (
    {
        id(getattr(builtins, name)): name
        for name in (
            *("open", "exec", "eval", "compile", "__import__", "vars", "globals", "locals", "breakpoint", "input"),
            *("super", "memoryview", "getattr", "setattr", "delattr", "dir", "__build_class__"),
        )
    }
    | {id(kind): kind.__name__ for kind in METACLASSES}
    | {id(kind): kind.__name__ for kind in (types.FunctionType, types.MethodType, Facade, PatternValue)}
    | {id(sys.modules): "sys.modules", id(os.environ): "os.environ", id(random.seed): "the shared random.seed"}
)
DEPTH = 5
#: Of these one object stands for all: what hangs on them depends on the type alone.
ALIKE = (str, bytes, int, float, complex, bool, tuple, type(None), decimal.Decimal, datetime.timedelta)
BOUND = (types.BuiltinMethodType, types.MethodWrapperType, types.MethodType, types.BuiltinFunctionType)
#: What would wait, or never end.
NOT_CALLED = {"sleep"}


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
    error_class = make_class("E", (AttributeError,), {})
    data_class = dataclass(make_class("D", (), {"y": field(default=1)}, fields=("x", "y")))
    colors = make_class("Color", (Enum,), {"RED": 1, "BLUE": 2})
    yield from ("", b"", 1, 1.5, 1j, [], {}, (), set(), frozenset(), range(1), slice(1), None, ..., NotImplemented)
    yield from (generator(), lambda: 0, generator, map(str, []), zip(), filter(None, []), enumerate([]), iter([]))
    yield from ({}.keys(), {}.values(), {}.items(), reversed([]), iter(""), iter(set()), iter(lambda: 1, 1), object())
    yield from (raised(ValueError("x")), raised(AttributeError("x", name="a", obj=os)), raised(ImportError("x")))
    yield from (StopIteration(1), OSError(1, "x", "f"), SyntaxError("x"), UnicodeDecodeError("u", b"", 0, 1, "r"))
    yield from (re.match("a", "a"), re.compile("a"), re.finditer("a", "a"), json.JSONDecodeError("m", "d", 0))
    yield from (
        re.compile("a").scanner("a"),
        re.IGNORECASE,
        re.IGNORECASE | re.MULTILINE,
        list[int],
        int | str,
        property(lambda self: 1),
    )
    yield from (datetime.datetime(2026, 1, 1), datetime.timedelta(1), datetime.UTC)  # noqa: DTZ001
    yield from (collections.deque(), collections.Counter(), collections.defaultdict(list), collections.ChainMap())
    yield from (collections.OrderedDict(), named, named(1), decimal.Decimal(1), fractions.Fraction(1, 2))
    yield from (decimal.getcontext(), decimal.localcontext(), decimal.getcontext().flags)
    yield from (functools.partial(len), functools.lru_cache(generator), functools.cmp_to_key(lambda _a, _b: 0)(1))
    yield from (functools.cached_property(generator), classmethod(generator), staticmethod(generator))
    yield from (itertools.count(), itertools.chain(), itertools.groupby([]), itertools.tee([])[0])
    yield from (task_class, task_class(), task_class().method, task_class.method, super_of(task_class, task_class()))
    yield from (error_class, raised(error_class("x")), data_class, data_class(1), colors, colors.RED, field())
    yield from (get_attribute("{}", "format"), get_attribute("{}", "format_map"))
    yield from (
        contextlib.contextmanager(generator)(),
        contextlib.ExitStack(),
        contextlib.suppress(KeyError),
        io.StringIO(),
    )
    yield from (csv.reader([]), csv.DictReader([]), csv.writer(io.StringIO()), csv.DictWriter(io.StringIO(), []))
    yield from (hashlib.sha256(), hashlib.blake2b(), hmac.new(b"", b"", "sha256"), uuid.uuid4(), random.Random(1))
    yield FACADES["zoneinfo"].ZoneInfo("Europe/Berlin")
    yield FACADES["urllib.parse"].urlparse("http://a/b")


def arguments():
    """What each function is tried with."""
    yield ()
    yield from (("a",), (1,), (b"ab",), ([3, 1, 2],), (lambda *a: a,), ({"a": 1},), (ValueError("x"),))
    yield from (("a", "b"), (1, 2), (b"a", b"b"), (lambda *a: a, [1, 2]), ([1, 2], 1), ([1.5, 2, 7], [1, 3, 9]))
    yield from (("a", "b", "c"), (2026, 1, 2), (int, "1"), ("Europe/Berlin",), ("%Y", "x"))


def key_of(value):
    """The same for things of which one stands for all."""
    if type(value) in ALIKE:
        return type(value)
    if isinstance(value, BOUND):
        return (type(value), value.__qualname__, type(getattr(value, "__self__", None)))
    return id(value)


def given():
    """What a task is given by name."""
    names = task_globals(print)
    yield from ((name, value) for name, value in names["__builtins__"].items() if not name.startswith("_"))
    yield "print", names["print"]
    yield from FACADES.items()


@pytest.fixture(scope="module", autouse=True)
def zones():
    load_zones()


def hits_of_a_walk(start, depth=DEPTH):
    """The paths from what is given to something dangerous, and how many things were looked at."""
    queue = collections.deque((path, value, 0) for path, value in start)
    seen = {}
    hits = []
    while queue:
        path, value, steps = queue.popleft()
        key = key_of(value)
        if key in seen:
            continue
        seen[key] = value  # kept, so that no id is given out again
        if isinstance(value, DANGEROUS_TYPES) or id(value) in DANGEROUS:
            hits.append((path, type(value).__name__))
        if steps == depth:
            continue
        for name in names_in(value) if isinstance(value, Facade) else dir(value):
            with contextlib.suppress(Exception):
                queue.append((f"{path}.{name}", get_attribute(value, name), steps + 1))
    return hits, seen


def test_a_walk_over_attributes_meets_nothing_dangerous():
    hits, seen = hits_of_a_walk([*given(), *((repr(sample)[:30], sample) for sample in samples())])
    assert hits == []
    assert len(seen) > 1_500


def results_of_calls(functions):
    """What each function answers or raises, for each of the arguments that it is tried with."""
    for path, function in functions:
        for args in arguments():
            try:
                result = function(*args)
            except Exception as error:
                yield f"error of {path}", error
            else:
                yield f"{path}{args!r}"[:80], result


def test_what_functions_answer_and_raise_leads_to_nothing_dangerous():
    functions = [
        (f"{module}.{name}", get_attribute(facade, name))
        for module, facade in FACADES.items()
        for name in names_in(facade) - NOT_CALLED
        if callable(get_attribute(facade, name))
    ]
    functions += [(name, value) for name, value in given() if callable(value)]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        results = list(results_of_calls(functions))
        # And of their results: the methods, called in the same ways, once for each type.
        kinds = {}
        for path, result in results:
            kinds.setdefault(type(result), (path, result))
        methods = []
        for path, result in kinds.values():
            for name in dir(result):
                with contextlib.suppress(Exception):
                    method = get_attribute(result, name)
                    if callable(method):
                        methods.append((f"{path}.{name}", method))
        results += results_of_calls(methods)
    assert len(results) > 8_000
    hits, _ = hits_of_a_walk(results, depth=2)
    assert hits == []


def test_the_metaclass_of_a_tasks_class_can_not_be_had_in_source():
    for name in READABLE_ATTRIBUTES:
        with pytest.raises(AttributeError):
            get_attribute(make_class("A", (), {}), name)


def test_what_is_handed_out_is_what_is_listed():
    names = dict(given())
    for missing in ("open", "exec", "eval", "compile", "super", "dir", "globals", "locals", "memoryview", "bytearray"):
        assert missing not in names
    for replaced in ("type", "vars", "getattr", "setattr", "delattr", "print"):
        assert names[replaced] is not getattr(builtins, replaced)
    assert isinstance(make_class("A", (), {}), TaskClass)
