"""The modules that a task may import, as facades: listed names and nothing behind them.

Real modules lead, by plain attributes, to `sys` and `builtins` (`json.codecs.builtins.open`), so none is ever handed
out. What is left out of a listed module is left out for a reason: it walks attributes in C (`string.Formatter`,
`operator`), copies `__dict__`s (`functools.update_wrapper`), or changes what the interpreter shares (`decimal.Context`).
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import functools
import itertools
import json
import math
import random
import re
import statistics
import string
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn


class Facade:
    """What a task gets when it imports a module. It can not be written to."""

    __slots__ = ("_content", "_name")

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_content", MappingProxyType(dict(content)))

    def __getattribute__(self, name: str) -> Any:
        # Also what `from module import name` goes through, past every guard.
        content = object.__getattribute__(self, "_content")
        if name in content:
            return content[name]
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        message = f"{self!r} has no {name!r} here; it has: {', '.join(sorted(content))}"
        raise AttributeError(message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"{self!r} can not be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"{self!r} can not be changed"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"module {object.__getattribute__(self, '_name')!r}"


def names_in(facade: Facade) -> frozenset[str]:
    """What can be imported from it."""
    content: Mapping[str, Any] = object.__getattribute__(facade, "_content")
    return frozenset(content)


class TypeHint:
    """Stands for whatever of `typing`: it can be subscripted and joined by `|`, and means nothing."""

    __slots__ = ()

    def __getitem__(self, _item: object) -> TypeHint:
        return self

    def __or__(self, _other: object) -> TypeHint:
        return self

    def __ror__(self, _other: object) -> TypeHint:
        return self

    def __repr__(self) -> str:
        return "a type hint"


def _wraps(_wrapped: object) -> Callable[[Any], Any]:
    """`functools.wraps` for decorators; it copies nothing."""
    return lambda wrapper: wrapper


#: One generator for this process. Children are forked from a common ancestor, so each must seed it anew.
_random = random.Random()  # noqa: S311 - what tasks get is documented as not fit for secrets


def seed_random() -> None:
    """Give this process random numbers of its own."""
    _random.seed()


def _public(module: object) -> dict[str, Any]:
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}


def _listed(module: object, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


_CONTENT: dict[str, dict[str, Any]] = {
    "collections": _listed(collections, "ChainMap Counter OrderedDict defaultdict deque namedtuple"),
    "datetime": _listed(datetime, "MAXYEAR MINYEAR UTC date datetime time timedelta timezone"),
    "decimal": _listed(
        decimal, "Decimal DivisionByZero InvalidOperation ROUND_CEILING ROUND_DOWN ROUND_FLOOR ROUND_HALF_DOWN"
    )
    | _listed(decimal, "ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP"),
    "fractions": _listed(fractions, "Fraction"),
    "functools": _listed(functools, "cache cmp_to_key lru_cache partial reduce") | {"wraps": _wraps},
    "itertools": _public(itertools),
    "json": _listed(json, "JSONDecodeError dumps loads"),
    "math": _public(math),
    "random": _listed(_random, "betavariate choice choices expovariate gauss normalvariate randbytes randint random")
    | _listed(_random, "randrange sample seed shuffle triangular uniform"),
    "re": _listed(re, "A ASCII DOTALL I IGNORECASE M MULTILINE NOFLAG S U UNICODE VERBOSE X compile error escape")
    | _listed(re, "findall finditer fullmatch match search split sub subn"),
    "statistics": _listed(statistics, "StatisticsError correlation covariance fmean geometric_mean harmonic_mean")
    | _listed(statistics, "linear_regression mean median median_high median_low mode multimode pstdev pvariance")
    | _listed(statistics, "quantiles stdev variance"),
    "string": _listed(string, "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits")
    | _listed(string, "printable punctuation whitespace"),
    "time": _listed(time, "gmtime localtime monotonic perf_counter sleep strftime time time_ns"),
    "typing": dict.fromkeys(
        (
            *("Any", "Callable", "Dict", "FrozenSet", "Generator", "Iterable", "Iterator", "List", "Literal"),
            *("Mapping", "Optional", "Sequence", "Set", "Tuple", "Union"),
        ),
        TypeHint(),
    ),
}

#: The importable modules, by name.
FACADES: Mapping[str, Facade] = MappingProxyType({name: Facade(name, content) for name, content in _CONTENT.items()})

#: What built-in functions written in C import while they work, as strptime does. They call the import function of the
#: code that called them only so that the module is loaded, and take it from elsewhere: what they get here is empty.
IMPORTED_BY_C = ("_strptime",)
_EMPTY: Mapping[str, Facade] = MappingProxyType({name: Facade(name, {}) for name in IMPORTED_BY_C})


def import_facade(
    name: str, _globals: object = None, _locals: object = None, _fromlist: object = (), level: int = 0
) -> Facade:
    """What the import statement calls.

    Raises ImportError for everything that has no facade.
    """
    if type(name) is str and name in _EMPTY:
        return _EMPTY[name]
    if type(name) is not str or level or name not in FACADES:
        message = f"import of {name!r} is not allowed; available are: {', '.join(sorted(FACADES))}"
        raise ImportError(message)
    return FACADES[name]
