"""The diagram of docs/task_states.md is the table of moves."""

from __future__ import annotations

import re

from tests.readme_pages import ROOT

from task_server.domain.status import TRANSITIONS, ExecutionStatus


def test_the_diagram_has_the_moves_of_the_table_and_no_others() -> None:
    text = (ROOT / "docs" / "task_states.md").read_text()
    drawn = set(re.findall(r"^ +(\[\*\]|\w+) --> (\[\*\]|\w+)", text, re.MULTILINE))
    begin = {("[*]", ExecutionStatus.PENDING.value)}
    moves = {(status.value, after.value) for status, targets in TRANSITIONS.items() for after in targets}
    ends = {(status.value, "[*]") for status in ExecutionStatus if status.is_terminal}
    assert drawn == begin | moves | ends
