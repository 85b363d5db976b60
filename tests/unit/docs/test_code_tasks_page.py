"""The page about code tasks lists what there is: modules, names, special methods, and what is refused."""

from __future__ import annotations

import re

import pytest
from tests.readme_pages import ROOT

from task_server.sandbox.limits import MAX_SOURCE_BYTES
from task_server.sandbox.policy.compiler import Refused, compile_source
from task_server.sandbox.policy.facade import names_in
from task_server.sandbox.policy.modules import FACADES

PAGE = (ROOT / "docs" / "code_tasks.md").read_text()
#: All of these modules is safe, and what they have depends on the version of Python.
WHOLE = {"itertools", "math"}


def section(title):
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title):
    return [line.strip("| ").split(" | ") for line in section(title).splitlines() if line.startswith("| `")]


def test_it_lists_the_modules_and_what_is_in_them():
    listed = {name.strip("`"): set(re.findall(r"`(\w+)`", names)) for name, names in rows("Modules")}
    assert list(listed) == sorted(FACADES)
    for name, names in listed.items():
        if name in WHOLE:
            assert not names
        else:
            assert names == names_in(FACADES[name]), name


@pytest.mark.parametrize("name", re.findall(r"`(\w+)`", rows("The language")[0][0]))
def test_the_builtins_that_it_says_are_refused_are(name):
    with pytest.raises(Refused):
        compile_source(f"def run():\n    return {name}\n", "run")


def test_the_limits_are_those_of_the_code():
    assert f"{MAX_SOURCE_BYTES // 1024} KiB" in section("Limits")
