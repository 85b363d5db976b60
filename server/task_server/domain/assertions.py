"""What the answer to an API task must be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Subject(StrEnum):
    """What of an answer is looked at."""

    #: The body as text.
    BODY = "body"
    #: A header.
    HEADER = "header"
    #: A value within the body, read as JSON.
    JSON = "json"


class Condition(StrEnum):
    """What must hold of it."""

    EQUALS = "equals"
    CONTAINS = "contains"
    MATCHES = "matches"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseAssertion:
    """One thing that must hold of an answer, for its attempt to be a success."""

    subject: Subject
    #: The header's name, or the JSON path as it was written. Empty for the body.
    name: str = ""
    #: Of a JSON path: the keys and indexes that lead to the value. An index below 0 counts from the end.
    keys: tuple[str | int, ...] = ()
    condition: Condition
    #: What it is compared with: a JSON value for EQUALS, a text for CONTAINS, a regular expression for MATCHES, and for EXISTS
    #: whether it is to be there.
    value: Any


def read_assertion(said: Mapping[str, Any]) -> ResponseAssertion:
    """The assertion whose fields were written as JSON."""
    kinds = {"subject": Subject(said["subject"]), "condition": Condition(said["condition"])}
    return ResponseAssertion(**{**said, **kinds, "keys": tuple(said["keys"])})
