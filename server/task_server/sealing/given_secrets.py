"""Secrets that a caller gave, on their way to the table."""

from __future__ import annotations

from collections.abc import Mapping

from task_server.domain.secret import SealedSecret, Secret, SecretKind
from task_server.domain.task import Task
from task_server.sealing.sealer import Sealer

#: What a secret of a task is known by.
Field = tuple[SecretKind, str]


class GivenSecrets:
    """New secrets of a task, in memory alone, until the task has an id that they can be sealed for."""

    def __init__(self, values: Mapping[Field, Secret], sealer: Sealer) -> None:
        self._values = values
        self._sealer = sealer
        if values:
            # Said before anything is stored.
            sealer.first_key_id  # noqa: B018 - raises SealingUnavailable

    def sealed_for(self, task: Task) -> list[SealedSecret]:
        """The secrets, sealed for a task."""
        return [
            self._sealer.seal(value, owner_id=task.owner.id, task_id=task.task_id, kind=kind, name=name)
            for (kind, name), value in self._values.items()
        ]


#: A task that was given none.
NO_SECRETS = GivenSecrets({}, Sealer())
