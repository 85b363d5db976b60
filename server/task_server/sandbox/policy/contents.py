"""What is in each module that a task may import.

Real modules lead, by plain attributes, to `sys` and `builtins` (`json.codecs.builtins.open`), so none is ever handed
out. Each name below was judged by four questions: can it read an attribute by a name that the caller chooses, can it hand
out a module, frame, code or globals, can it change what another run sees, can it reach the machine? Each run is a process
of its own, so what it changes in its own interpreter (the seed of `random`, the context of `decimal`) ends with it.

Left out for a reason: what walks attributes in C or by name (`string.Formatter`, `operator.attrgetter`, `methodcaller`),
copies `__dict__`s (`functools.update_wrapper`), writes past the write guard (`operator.setitem`, `heapq.merge` does not),
reads files (`zoneinfo.ZoneInfo` as a class, `hashlib.file_digest`), or runs programs (`uuid.getnode`).
"""

from __future__ import annotations

import base64
import binascii
import bisect
import calendar
import collections
import collections.abc
import contextlib
import csv
import datetime
import decimal
import fractions
import functools
import hashlib
import heapq
import hmac
import html
import io
import itertools
import json
import math
import operator
import random
import re
import secrets
import statistics
import string
import struct
import textwrap
import time
import unicodedata
import urllib.parse
import uuid
import zlib
import zoneinfo
from typing import Any

from task_server.sandbox.policy import data_classes, enumerations, stand_ins, zones
from task_server.sandbox.policy.classes import AbstractBase, NamedTupleBase, TypedDictBase
from task_server.sandbox.policy.facade import Facade, TypeHint

#: One generator for this process. Children are forked from a common ancestor, so each must seed it anew.
_random = random.Random()  # noqa: S311 - what tasks get is documented as not fit for secrets


def seed_random() -> None:
    """Give this process random numbers of its own."""
    _random.seed()


def _public(module: object) -> dict[str, Any]:
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}


def _listed(module: object, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for line in names for name in line.split()}


#: Abstract classes, to ask `isinstance` with. `register` is refused by the attribute guard, deriving by the class guard.
_COLLECTIONS_ABC = _listed(
    collections.abc,
    "Callable Collection Container Generator Hashable ItemsView Iterable Iterator KeysView Mapping MutableMapping",
    "MutableSequence MutableSet Reversible Sequence Set Sized ValuesView",
)
#: Text to text, dicts or named tuples. They ask of their arguments only methods of text.
_URLLIB_PARSE = _listed(
    urllib.parse,
    "parse_qs parse_qsl quote quote_plus unquote unquote_plus urldefrag urlencode urljoin urlparse urlsplit urlunparse",
    "urlunsplit",
)
_HINT = TypeHint()

CONTENT: dict[str, dict[str, Any]] = {
    # Our own class and marker; Python's would bring ABCMeta as the class of a task's class.
    "abc": {"ABC": AbstractBase, "abstractmethod": stand_ins.abstractmethod},
    # Bytes to bytes.
    "base64": _listed(
        base64,
        "a85decode a85encode b16decode b16encode b32decode b32encode b64decode b64encode b85decode b85encode",
        "decodebytes encodebytes standard_b64decode standard_b64encode urlsafe_b64decode urlsafe_b64encode",
    ),
    "binascii": _listed(binascii, "Error crc32 hexlify unhexlify"),
    # In C; they compare, and insert into lists that the caller holds.
    "bisect": _listed(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
    # Names as plain tuples: the module's own sequences format by a method of theirs.
    "calendar": {
        **_listed(calendar, "isleap leapdays monthcalendar timegm"),
        "monthrange": stand_ins.monthrange,
        "weekday": stand_ins.weekday,
        **{name: tuple(getattr(calendar, name)) for name in ("day_abbr", "day_name", "month_abbr", "month_name")},
        **{
            name: number
            for number, name in enumerate(
                ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
            )
        },
    },
    # Containers. UserDict and its kind are left out: UserString formats by attributes.
    "collections": {
        **_listed(collections, "ChainMap Counter OrderedDict defaultdict deque namedtuple"),
        "abc": Facade("collections.abc", _COLLECTIONS_ABC),
    },
    "collections.abc": _COLLECTIONS_ABC,
    # They call `close`, `__enter__` and `__exit__`, and hand to these nothing but exceptions and tracebacks, of which
    # no attribute can be read. Nothing that redirects streams.
    "contextlib": _listed(contextlib, "ExitStack closing contextmanager nullcontext suppress"),
    # What they copy is of the kind that was given, and a class can not say how it is copied.
    "copy": {"copy": stand_ins.shallow_copy, "deepcopy": stand_ins.deep_copy},
    # In C, or over it; they read lines and call `write`. No dialects can be registered.
    "csv": _listed(
        csv, "DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC excel reader writer"
    ),
    # Our own: Python's compiles source text.
    "dataclasses": _listed(
        data_classes, "FrozenInstanceError MISSING asdict astuple dataclass field fields is_dataclass replace"
    ),
    # Values. What they print by a format is made in C of the value alone.
    "datetime": _listed(datetime, "MAXYEAR MINYEAR UTC date datetime time timedelta timezone"),
    # Numbers in C. The context is the process' own.
    "decimal": _listed(
        decimal,
        "Clamped Context Decimal DecimalException DivisionByZero Inexact InvalidOperation Overflow Rounded Subnormal",
        "Underflow ROUND_05UP ROUND_CEILING ROUND_DOWN ROUND_FLOOR ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP",
        "getcontext localcontext",
    ),
    # Our own: Python's hands out its machinery by plain names.
    "enum": _listed(enumerations, "Enum auto unique"),
    # Numbers in Python; they ask of their arguments numerator, denominator and as_integer_ratio.
    "fractions": _listed(fractions, "Fraction"),
    # They call what they are given. wraps and total_ordering are our own, as Python's write into what they are given.
    "functools": {
        **_listed(functools, "cache cached_property cmp_to_key lru_cache partial reduce"),
        "total_ordering": stand_ins.total_ordering,
        "wraps": stand_ins.wraps,
    },
    # Digests in C of bytes that are given; no files.
    "hashlib": _listed(
        hashlib,
        "blake2b blake2s md5 new pbkdf2_hmac sha1 sha224 sha256 sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512",
    ),
    # They compare, and change lists that the caller holds.
    "heapq": _listed(heapq, "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest"),
    "hmac": _listed(hmac, "compare_digest digest new"),
    # Text to text.
    "html": _listed(html, "escape unescape"),
    # Text in memory. No files, and no bytes, whose buffers C code shares.
    "io": _listed(io, "StringIO"),
    # In C; they call and iterate what they are given.
    "itertools": _public(itertools),
    # Text to values and back. They call what they are given as hooks, with values that the text is made of. The classes
    # of decoders and encoders are left out, as they hold what the module uses itself.
    "json": _listed(json, "JSONDecodeError dumps loads"),
    # Numbers in C.
    "math": _public(math),
    # What operators do, and items by key. Nothing that reads attributes or writes.
    "operator": _listed(
        operator,
        "abs add and_ concat contains countOf eq floordiv ge getitem gt indexOf inv invert is_ is_not itemgetter le lshift",
        "lt matmul mod mul ne neg not_ or_ pos pow rshift sub truediv truth xor",
    ),
    # Bound to one generator of this process, or of a task's own; numbers only.
    "random": _listed(
        _random,
        "betavariate choice choices expovariate gammavariate gauss getrandbits lognormvariate normalvariate paretovariate",
        "randbytes randint random randrange sample seed shuffle triangular uniform vonmisesvariate weibullvariate",
    )
    | {"Random": random.Random},
    # In C. A replacement function gets the match, which leads to its pattern and its text and no further.
    "re": _listed(
        re,
        "A ASCII DOTALL I IGNORECASE M MULTILINE Match NOFLAG Pattern S U UNICODE VERBOSE X compile error escape findall",
        "finditer fullmatch match search split sub subn",
    ),
    # Random numbers of the kernel.
    "secrets": _listed(secrets, "choice compare_digest randbelow randbits token_bytes token_hex token_urlsafe"),
    # Numbers in Python.
    "statistics": _listed(
        statistics,
        "NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean linear_regression mean",
        "median median_grouped median_high median_low mode multimode pstdev pvariance quantiles stdev variance",
    ),
    # Constants, and one function of text.
    "string": _listed(
        string,
        "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable punctuation whitespace",
    ),
    # Numbers to bytes and back, in C. Nothing that writes into buffers.
    "struct": _listed(struct, "calcsize error iter_unpack pack unpack"),
    # Text to text.
    "textwrap": _listed(textwrap, "dedent fill indent shorten wrap"),
    # Clocks, and waiting, which the timeout bounds.
    "time": _listed(
        time,
        "asctime ctime gmtime localtime mktime monotonic monotonic_ns perf_counter perf_counter_ns process_time sleep",
        "strftime strptime struct_time time time_ns",
    ),
    # Annotations are dropped, so hints mean nothing; they can be imported, subscripted and derived from.
    "typing": {
        **dict.fromkeys(
            (
                *(
                    "Annotated",
                    "Any",
                    "AnyStr",
                    "Callable",
                    "ClassVar",
                    "Collection",
                    "Counter",
                    "DefaultDict",
                    "Deque",
                ),
                *("Dict", "Final", "FrozenSet", "Generator", "Generic", "Hashable", "Iterable", "Iterator", "List"),
                *("Literal", "LiteralString", "Mapping", "MutableMapping", "MutableSequence", "Never", "NoReturn"),
                *("Optional", "OrderedDict", "ParamSpec", "Protocol", "Self", "Sequence", "Set", "Sized", "Text"),
                *("Tuple", "Type", "TypeAlias", "TypeVar", "Union"),
            ),
            _HINT,
        ),
        **dict.fromkeys(("final", "no_type_check", "overload", "override", "runtime_checkable"), stand_ins.unchanged),
        "NamedTuple": NamedTupleBase,
        "NewType": stand_ins.new_type,
        "TYPE_CHECKING": False,
        "TypedDict": TypedDictBase,
        "cast": stand_ins.cast,
    },
    # Text to text and numbers, in C.
    "unicodedata": _listed(
        unicodedata,
        "bidirectional category combining decimal digit east_asian_width is_normalized lookup mirrored name normalize",
        "numeric",
    ),
    "urllib": {"parse": Facade("urllib.parse", _URLLIB_PARSE)},
    "urllib.parse": _URLLIB_PARSE,
    # Values. uuid1 and getnode are left out, as they ask the machine.
    "uuid": _listed(uuid, "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 UUID uuid3 uuid4 uuid5"),
    # Bytes to bytes, in C; memory is what the run may have.
    "zlib": _listed(zlib, "adler32 compress crc32 decompress error"),
    # Zones that were read in advance, by a function of ours.
    "zoneinfo": {
        "ZoneInfo": zones.zone,
        "ZoneInfoNotFoundError": zoneinfo.ZoneInfoNotFoundError,
        "available_timezones": zones.zone_names,
    },
}
