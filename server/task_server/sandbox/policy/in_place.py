"""`owner.attribute += value` and its kind, with the attribute read by the guard."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
    "@=": operator.imatmul,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
    "|=": operator.ior,
    "^=": operator.ixor,
    "&=": operator.iand,
}


def in_place(operation: str, left: Any, right: Any) -> Any:
    """What `left += right` and its kind call."""
    return _IN_PLACE[operation](left, right)
