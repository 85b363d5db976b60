"""A Celery app of somebody else's whose runs are followed, as the operator configures it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from task_server.domain.execution import Execution
from task_server.domain.owner import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedApp:
    """Where an app's messages and results are, and which runs are its own. The URLs may hold passwords."""

    name: str
    #: Where its workers send their events; empty where nobody listens to them.
    broker: str = field(default="", repr=False)
    #: Where its results are; empty where nobody can read them.
    backend: str = field(default="", repr=False)
    #: The zone of those dates in a database of results that name none.
    time_zone: tzinfo = UTC
    #: The modules whose runs are its own where nobody named an app: a name, or the beginning of several with * after it.
    modules: tuple[str, ...] = ()
    #: To whom runs belong that nobody registered; None where such runs are not recorded.
    created_by: Owner | None = None
    #: The only users whose runs are filled from here; empty for all.
    owners: tuple[str, ...] = ()
    #: How servers at `rediss://` and `amqps://` are trusted, and what they are shown: paths of PEM files, empty as for the broker.
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def has_module(self, module: str) -> bool:
        """Whether runs of that module are the app's."""
        return any(
            module.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else module == pattern
            for pattern in self.modules
        )

    def module_of(self, task_name: str) -> str:
        """The module of a run that nobody registered: the app's where it has one alone, else where the name of the task begins."""
        is_one = len(self.modules) == 1 and not self.modules[0].endswith("*")
        return self.modules[0] if is_one else task_name.partition(".")[0]

    def may_fill(self, owner_id: str) -> bool:
        """Whether runs of that user are filled from here."""
        return not self.owners or owner_id in self.owners


def app_of(execution: Execution, apps: Sequence[TrackedApp]) -> TrackedApp | None:
    """The app that a run of another app belongs to, None where none of them is it or may fill its owner's runs.

    The one that it names; where it names none the first whose modules have it; else the only one that there is.
    """
    if execution.app:
        found = next((app for app in apps if app.name == execution.app), None)
    else:
        found = next((app for app in apps if app.has_module(execution.module)), None)
        if found is None and len(apps) == 1 and not apps[0].modules:
            found = apps[0]
    return found if found is not None and found.may_fill(execution.owner.id) else None
