"""Time zones for processes that can open no file."""

from __future__ import annotations

import contextlib
import copyreg
import io
import zoneinfo
from importlib import resources
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
    """Read every zone, once, in the process that the others are forked from."""
    # A zone that was made from bytes can not be copied otherwise.
    copyreg.pickle(zoneinfo.ZoneInfo, lambda made: (zone, (made.key,)))
    for key in _packaged_names() or zoneinfo.available_timezones():
        with contextlib.suppress(OSError, ValueError):
            _files[key] = _file(key)


def _packaged_names() -> list[str]:
    try:
        return resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    except (ModuleNotFoundError, FileNotFoundError):
        return []


def _file(key: str) -> bytes:
    try:
        return resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        for folder in zoneinfo.TZPATH:
            path = Path(folder, key)
            if path.is_file():
                return path.read_bytes()
        raise
