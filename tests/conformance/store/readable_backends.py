"""What the result backends of followed apps hold, in the hand of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.conformance.store.test_usecases_syncing import Backends

from task_server.domain.errors import ResultBackendUnavailable
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.seen import Seen


class Readable(Backends):
    """Backends that name the tasks of runs, as with `result_extended`, and that know what they hold."""

    def __init__(self, *apps: TrackedApp) -> None:
        super().__init__(*apps)
        self.names: dict[str, str] = {}
        self.arguments: dict[str, dict[str, str]] = {}
        #: From when on somebody wanted to know what is stored.
        self.looked_back_to: list[int] = []

    def read(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Seen]:
        return {
            task_id: Seen(
                task_id=task_id,
                observation=observation,
                task_name=self.names.get(task_id, ""),
                arguments=self.arguments.get(task_id, {}),
            )
            for task_id, observation in self.look_up(app, task_ids).items()
        }

    def stored_since(self, app: TrackedApp, moment: int) -> Iterator[list[str]]:
        """All of it, as a backend may answer that does not know when things were stored."""
        self.looked_back_to.append(moment)
        for task_id in list(self.known):
            if app.name in self.away:
                raise ResultBackendUnavailable(app.name)
            yield [task_id, task_id]
