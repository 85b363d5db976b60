"""Which keys the stored secrets need, and sealing them anew with another one."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.sealing.sealer import CannotOpen, Sealer
from task_server.store import sealed_secrets
from task_server.store.database import Database

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Resealed:
    """What one pass over the stored secrets came to."""

    #: Sealed anew with the first key.
    done: int = 0
    #: Changed or removed meanwhile by somebody else, who had another use for them.
    changed: int = 0
    #: Why some could not be opened, each with the task that it is of.
    failures: tuple[str, ...] = ()


class Sealing:
    """The use cases of whoever keeps the keys."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def counts(self) -> dict[str, int]:
        """How many secrets are stored, by the id of their key."""
        with self._database.read():
            return sealed_secrets.counts()

    def missing_keys(self) -> dict[str, int]:
        """How many secrets are sealed with keys that are not here, by key."""
        return {key: number for key, number in self.counts().items() if key not in self._sealer.key_ids}

    def reseal(self) -> Resealed:
        """Seal with the first key whatever is sealed with another one.

        Each secret is a transaction of its own, which changes nothing where the secret has changed since it was read. So it may
        end anywhere, and what is left is done by the next one. Raises SealingUnavailable and DatabaseUnavailable.
        """
        done, changed, failures = 0, 0, []
        key_id = self._sealer.first_key_id
        after = ("", "", "")
        while True:
            with self._database.read():
                batch = sealed_secrets.under_other_keys(key_id, after, _BATCH)
            for before in batch:
                try:
                    secret = self._sealer.open(before)
                except CannotOpen as error:
                    failures.append(f"task {before.task_id}: {error}")
                    continue
                anew = self._sealer.seal(
                    secret, owner_id=before.owner_id, task_id=before.task_id, kind=before.kind, name=before.name
                )
                with self._database.write():
                    stored = sealed_secrets.reseal(before, anew)
                done, changed = done + stored, changed + (not stored)
            if len(batch) < _BATCH:
                return Resealed(done, changed, tuple(failures))
            last = batch[-1]
            after = (last.task_id, last.kind.value, last.name)
