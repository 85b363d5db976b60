"""A TOML file that an operator writes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from task_server.config.settings import ConfigError


def read_toml(file: Path, name: str) -> dict[str, Any]:
    """What the file says; `name` is what errors call it. Raises ConfigError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{name} {file} can not be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} {file} is not TOML: {error}") from error
