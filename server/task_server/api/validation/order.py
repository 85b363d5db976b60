"""The order of a list (AIP-132), and the text in a page token that says where in it the next page begins."""

from __future__ import annotations

import json

from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidPageToken
from task_server.domain.ordering import NEWEST, Order, Place, parse_order

_MAX_LENGTH = 500


def check_order(text: str, violations: Violations) -> Order:
    """The order that a text asks for; the newest first for the empty one, and with a violation for one that is none."""
    violations.check_length("order_by", text, _MAX_LENGTH)
    try:
        return parse_order(text[:_MAX_LENGTH])
    except ValueError as error:
        violations.add("order_by", str(error))
        return NEWEST


def place_text(place: Place) -> str:
    """A place as text."""
    return json.dumps(place)


def read_place(text: str, order: Order) -> Place:
    """The place of a text; none for the empty one. Raises InvalidPageToken for that of another version of this service."""
    if not text:
        return ()
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != len(order) + 1:
        raise InvalidPageToken("page_token was made by another version of this service; leave it out to begin anew")
    return tuple(values)
