"""The page about task tracking names tests that there are."""

from __future__ import annotations

import re

import pytest
from tests.readme_pages import ROOT

PAGE = (ROOT / "docs" / "task_tracking.md").read_text()


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", PAGE))))
def test_a_test_that_it_names_is_there(named):
    path, _, name = named.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_row_names_one():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.endswith("| test |")]
    assert rows
    assert [line for line in rows if "`tests/" not in line] == []
