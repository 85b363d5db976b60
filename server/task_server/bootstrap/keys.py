"""The keys that a process starts with."""

from __future__ import annotations

from pathlib import Path

from task_server.auth.secret_key import SecretKeyError, load_or_create
from task_server.bootstrap.errors import StartError
from task_server.config import Settings
from task_server.sealing.configured import configured_sealer
from task_server.sealing.keys import SealingKeyError
from task_server.sealing.sealer import Sealer
from task_server.store.database import Database
from task_server.usecases.sealing import Sealing


def secret_keys(settings: Settings) -> list[bytes]:
    """The keys that tokens are hashed and page tokens are signed with, the one in use first. Raises StartError."""
    try:
        return load_or_create(Path(settings.secret_key_path))
    except SecretKeyError as error:
        raise StartError(str(error)) from error


def present_sealer(settings: Settings) -> Sealer:
    """What seals and opens secrets with the keys of the settings. Raises StartError."""
    try:
        return configured_sealer(settings)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def complete_sealer(settings: Settings, database: Database) -> Sealer:
    """What seals and opens the secrets; it has the keys of all that are stored. Raises StartError."""
    sealer = present_sealer(settings)
    missing = Sealing(database, sealer).missing_keys()
    if missing:
        raise StartError(
            f"{sum(missing.values())} stored secrets are sealed with keys that are not here ({', '.join(sorted(missing))}); "
            "add those to sealing_key_file"
        )
    return sealer
