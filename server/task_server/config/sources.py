"""Where settings come from: the environment, the TOML file, and the files that variables name."""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from task_server.config.settings import ConfigError, Settings
from task_server.config.toml_file import read_toml

PREFIX = "TASK_SERVER_"


def load(config_file: Path | None = None, environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings: `overrides` (None means not given), then the environment, then the TOML file, then the defaults.

    Raises ConfigError for an unknown name, a value of the wrong type, or values that do not go together.
    """
    environ = os.environ if environ is None else environ
    if config_file is None and environ.get(f"{PREFIX}CONFIG"):
        config_file = Path(environ[f"{PREFIX}CONFIG"])
    hints = typing.get_type_hints(Settings)
    values: dict[str, Any] = {}
    said = read_toml(config_file, "the configuration file") if config_file else {}
    for source, items in (("the file", said), ("the environment", _read_environment(environ))):
        for name, value in items.items():
            if name not in hints:
                known = ", ".join(each.name for each in fields(Settings))
                raise ConfigError(f"{source} sets {name!r}, which is no setting; the settings are {known}")
            values[name] = _cast(name, hints[name], value)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return Settings(**values)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives another process the same settings."""
    result = {}
    for each in fields(Settings):
        value = getattr(settings, each.name)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        result[PREFIX + each.name.upper()] = text
    return result


def _read_environment(environ: Mapping[str, str]) -> dict[str, str]:
    known = {each.name for each in fields(Settings)}
    items: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable == f"{PREFIX}CONFIG":
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in known and name.removesuffix("_file") in known:
            secrets[name.removesuffix("_file")] = _read_secret(variable, Path(value))
        else:
            items[name] = value
    return secrets | items


def _read_secret(variable: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{variable} names {file}, which can not be read: {error.strerror}") from error


def _cast(name: str, kind: Any, value: Any) -> Any:
    """The value as the setting's type. The environment has texts only; of TOML's types only the fitting ones are taken."""
    try:
        if isinstance(kind, types.GenericAlias):
            of = typing.get_args(kind)[0]
            parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
            fitting = isinstance(parts, list) and all(
                isinstance(part, str | of) and not isinstance(part, bool) for part in parts
            )
            if not fitting:
                raise TypeError
            return tuple(of(part.strip() if isinstance(part, str) else part) for part in parts if part != "")
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if not isinstance(value, {int: (int, str), float: (int, float, str)}.get(kind, str)) or isinstance(value, bool):
            raise TypeError
        return kind(value)
    except (KeyError, TypeError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
        lists = {tuple[int, ...]: "a list of whole numbers", tuple[str, ...]: "a list of texts"}
        # A URL may hold a password.
        given = "" if name.endswith("_url") else f", not {value!r}"
        raise ConfigError(f"{name} must be {(wanted | lists)[kind]}{given}") from None
