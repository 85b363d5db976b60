"""What a task does when it runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from task_server.domain.assertions import ResponseAssertion
from task_server.domain.secret import SealedValue

#: Python source of a code task, in bytes of UTF-8.
MAX_CODE_BYTES = 256 * 1024
#: A result as JSON text, in bytes.
MAX_RESULT_BYTES = 1024 * 1024
#: The methods that an API task may use.
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ActionKind(StrEnum):
    """What a worker has to be able to do for an action. The words are stored."""

    CODE = "code"
    HTTP = "http"


#: All there are: what a worker runs whose cage holds.
ACTION_KINDS = frozenset(ActionKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAction:
    """Call `function_name` of `function_code` with the arguments."""

    # What callers give may be confidential: a log line that shows an action shows none of it.
    function_code: str = field(repr=False)
    function_name: str
    args: list[Any] = field(default_factory=list, repr=False)
    kwargs: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> ActionKind:
        """Code."""
        return ActionKind.CODE

    def emptied(self) -> CodeAction:
        """This without code and arguments."""
        return replace(self, function_code="", args=[], kwargs={})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAction:
    """Make one HTTP call."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    #: Query parameters; a value is a string, a number, a boolean or a list of them.
    params: dict[str, Any] = field(default_factory=dict, repr=False)
    #: The JSON body, or None for none; `has_data` tells JSON null from none.
    data: Any = field(default=None, repr=False)
    has_data: bool = False
    #: The raw body, base64, or empty for none. Not with `data`.
    raw_body_base64: str = field(default="", repr=False)
    #: Statuses that mean success; empty means 200 to 299.
    expected_status: tuple[int, ...] = ()
    #: What must hold of an answer with such a status, all of it.
    response_assertions: tuple[ResponseAssertion, ...] = ()
    #: The secrets that it needs, which are stored elsewhere.
    sealed: tuple[SealedValue, ...] = ()

    @property
    def kind(self) -> ActionKind:
        """An HTTP call."""
        return ActionKind.HTTP

    def emptied(self) -> HttpAction:
        """This without what is sent and asked of the answer, and without secrets."""
        return HttpAction(url=self.url, method=self.method)


Action = CodeAction | HttpAction
