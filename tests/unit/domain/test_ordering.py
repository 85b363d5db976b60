"""The order of a list."""

from __future__ import annotations

import re

import pytest

from task_server.domain.ordering import NEWEST, By, parse_order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", NEWEST),
        ("  ", NEWEST),
        ("created_at desc", NEWEST),
        ("finished_at desc, module", (By("finished_at", True), By("module"))),
        (" duration  asc ,id desc", (By("duration"), By("id", True))),
    ],
)
def test_an_order_is_read(text: str, order: object) -> None:
    assert parse_order(text) == order


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour", "'colour' is no field to order by; there are created_at"),
        ("error", "'error' is no field"),
        ("module,", "'' is no field"),
        ("module down", "after module stands desc, asc or nothing"),
        ("module desc status", "after module stands"),
        ("module DESC", "after module stands"),
        ("module, module desc", "module stands twice"),
    ],
)
def test_what_is_no_order_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_order(text)
