"""An app that is followed, as `usecases.observing` asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.tracked_app import TrackedApp, app_of


@dataclass(frozen=True, slots=True)
class Followed:
    """Which runs are an app's own, and whose they are where nobody registered them. `apps` are all that are configured."""

    app: TrackedApp
    apps: Sequence[TrackedApp]

    @property
    def name(self) -> str:
        """As the operator calls it."""
        return self.app.name

    @property
    def owner(self) -> Owner:
        """Whose the runs are that nobody registered; asked for only where there is one."""
        assert self.app.created_by is not None  # noqa: S101 - without one no sighting has a name to record
        return self.app.created_by

    def module_of(self, task_name: str) -> str:
        """The module that a task belongs to."""
        return self.app.module_of(task_name)

    def has(self, execution: Execution) -> bool:
        """Whether the app runs it, and may fill it."""
        return app_of(execution, self.apps) is self.app
