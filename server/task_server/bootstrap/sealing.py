"""The keys of secrets, as an operator makes and changes them."""

from __future__ import annotations

from task_server.bootstrap.database import present_database, unreachable
from task_server.bootstrap.errors import StartError
from task_server.bootstrap.keys import present_sealer
from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable, SealingUnavailable
from task_server.sealing.key_source import add_first_key, make_key_file
from task_server.sealing.keys import SealingKeyError
from task_server.usecases.sealing import Resealed, Sealing


def make_key(settings: Settings) -> None:
    """Make the key file of the data directory, unless one is there or the settings name other keys. Raises StartError."""
    if settings.sealing_key_file or settings.sealing_keys:
        return
    try:
        make_key_file(settings.sealing_key_path)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def rotate(settings: Settings) -> str:
    """Put a new key before the others in the key file and return its id. Raises StartError."""
    if settings.sealing_keys:
        raise StartError("the keys are in sealing_keys, which only you can change; put a new one before them")
    try:
        return add_first_key(settings.sealing_key_path)
    except SealingKeyError as error:
        raise StartError(str(error)) from error


def reseal(settings: Settings) -> tuple[Resealed, dict[str, int]]:
    """Seal everything with the first key; return what was done, and how many there are now by key. Raises StartError."""
    database = present_database(settings)
    try:
        sealing = Sealing(database, present_sealer(settings))
        return sealing.reseal(), sealing.counts()
    except SealingUnavailable as error:
        raise StartError(f"there is no key: set sealing_key_file, or make {settings.sealing_key_path}") from error
    except DatabaseUnavailable as error:
        raise StartError(unreachable(settings, error)) from error
    finally:
        database.close()
