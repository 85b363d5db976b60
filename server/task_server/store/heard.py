"""Until when the events of tracked apps were heard. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from task_server.domain.clock import Micros
from task_server.store.statement import Statement

_UNTIL = Statement("SELECT heard_until FROM heard_app WHERE app = :app")
_NOTE = (
    "INSERT INTO heard_app (app, heard_until) VALUES (:app, :heard_until) ON CONFLICT (app) DO UPDATE "
    "SET heard_until = {later}(heard_app.heard_until, excluded.heard_until)"
)
_MOVE_ON = Statement(_NOTE.format(later="MAX"), postgresql=_NOTE.format(later="GREATEST"))


def until(app: str) -> Micros | None:
    """Until when the events of the app with that name were heard; None where nobody ever has."""
    moment: Micros | None = _UNTIL.value(app=app)
    return moment


def move_on(app: str, heard_until: Micros) -> None:
    """Note until when its events were heard. It never goes back."""
    _MOVE_ON.run(app=app, heard_until=heard_until)
