"""The sealer that the settings ask for."""

from __future__ import annotations

from task_server.config import Settings
from task_server.sealing.key_source import GivenKeys, KeyFile, KeySource
from task_server.sealing.sealer import Sealer


def configured_keys(settings: Settings) -> KeySource | None:
    """Where the keys are: in the settings, or in the file; None where neither says. Raises SealingKeyError."""
    if settings.sealing_keys:
        return GivenKeys(" ".join(settings.sealing_keys), "sealing_keys")
    path = settings.sealing_key_path
    return KeyFile(path) if settings.sealing_key_file or path.exists() else None


def configured_sealer(settings: Settings) -> Sealer:
    """A sealer with the keys of the settings. Raises SealingKeyError."""
    return Sealer(configured_keys(settings))
