"""`request_id`, by which a request can be sent again."""

from __future__ import annotations

from typing import Any

from task_server.api.validation.violations import Violations

_LONGEST = 128


def check_request_id(request: Any, violations: Violations) -> None:
    """Add a violation where a request's id is too long."""
    violations.check_length("request_id", request.request_id, _LONGEST)
