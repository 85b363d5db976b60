"""The modules that a task may import, as facades."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from task_server.sandbox.policy.contents import CONTENT
from task_server.sandbox.policy.facade import Facade

#: The importable modules, by name.
FACADES: Mapping[str, Facade] = MappingProxyType({name: Facade(name, content) for name, content in CONTENT.items()})

#: What built-in functions written in C import while they work, as strptime does. They call the import function of the
#: code that called them only so that the module is loaded, and take it from elsewhere: what they get here is empty.
IMPORTED_BY_C = ("_strptime",)
_EMPTY: Mapping[str, Facade] = MappingProxyType({name: Facade(name, {}) for name in IMPORTED_BY_C})

#: Modules that are asked for most, with what to do instead.
_INSTEAD_OF_MODULE = {
    "asyncio": "write ordinary functions",
    "concurrent": "make several tasks",
    "logging": "use print, which writes the log",
    "multiprocessing": "make several tasks",
    "numpy": "use lists, math and statistics",
    "os": "there are no files and no environment; pass data by task_args",
    "pandas": "use lists, dicts, csv and statistics",
    "pathlib": "there are no files; pass data by task_args",
    "requests": "there is no network; make a task with api_url",
    "socket": "there is no network; make a task with api_url",
    "subprocess": "no program can be started",
    "sys": "raise an exception to fail, use print for the log",
    "threading": "make several tasks",
    "urllib": "there is no network; make a task with api_url",
}


def why_not(name: str) -> str:
    """What to say of a module without a facade."""
    instead = _INSTEAD_OF_MODULE.get(name.split(".", 1)[0])
    advice = f" ({instead})" if instead else ""
    return f"import of {name!r} is not allowed{advice}; available are: {', '.join(sorted(FACADES))}"


def import_facade(
    name: str, _globals: object = None, _locals: object = None, fromlist: object = (), level: int = 0
) -> Facade:
    """What the import statement calls.

    Raises ImportError for everything that has no facade.
    """
    if type(name) is str and name in _EMPTY:
        return _EMPTY[name]
    if type(name) is not str or level or name not in FACADES:
        raise ImportError(why_not(str(name)))
    # `import a.b` binds `a`.
    return FACADES[name if fromlist else name.split(".", 1)[0]]
