"""The READMEs as tests read them: fenced blocks, marked lists and tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"


class Block(NamedTuple):
    """One fenced block: `bash` and `python` are run by the tests, `sh` is only checked, `text` is what is printed."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)]


def marked(page: Path, name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- end -->`."""
    found = re.findall(rf"<!-- {re.escape(name)} -->\n(.*?)<!-- end -->", page.read_text(), re.DOTALL)
    assert len(found) == 1, f"{page.name} has {len(found)} parts marked {name!r}"
    return str(found[0])


def marked_list(page: Path, name: str) -> dict[str, list[str]]:
    """A marked list of lines `- Name: `one`, `two``."""
    lines = [re.fullmatch(r"- (\w+): (.*)", line) for line in marked(page, name).splitlines()]
    assert all(lines), f"{page.name}, {name}: a line of another form"
    return {line[1]: re.findall(r"`(\w+)`", line[2]) for line in lines if line}
