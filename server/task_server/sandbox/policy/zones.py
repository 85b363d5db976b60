"""Time zones for processes that can open no file."""

from __future__ import annotations

import contextlib
import copyreg
import importlib.util
import io
import zoneinfo
from pathlib import Path

_files: dict[str, bytes] = {}
_made: dict[str, zoneinfo.ZoneInfo] = {}


def zone(key: str) -> zoneinfo.ZoneInfo:
    """What `zoneinfo.ZoneInfo(key)` calls. It is a function: the class could read files."""
    if type(key) is not str or key not in _files:
        message = f"there is no time zone {key!r}; names are like 'Europe/Berlin'"
        raise zoneinfo.ZoneInfoNotFoundError(message)
    if key not in _made:
        _made[key] = zoneinfo.ZoneInfo.from_file(io.BytesIO(_files[key]), key)
    return _made[key]


def zone_names() -> set[str]:
    """What `zoneinfo.available_timezones()` calls."""
    return set(_files)


def load_zones() -> None:
    """Read every zone of the `tzdata` package, once, in the process that the others are forked from."""
    # A zone that was made from bytes can not be copied otherwise.
    copyreg.pickle(zoneinfo.ZoneInfo, lambda made: (zone, (made.key,)))
    # Not by importlib.resources, nor by zoneinfo's own ways: they load `threading`, which does something after each fork.
    package = importlib.util.find_spec("tzdata")
    for folder in (package and package.submodule_search_locations) or ():
        for key in Path(folder, "zones").read_text(encoding="utf-8").split():
            with contextlib.suppress(OSError):
                _files[key] = Path(folder, "zoneinfo", key).read_bytes()
