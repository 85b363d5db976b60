"""What the READMEs say without running anything: commands, settings and links exist, and both languages say the same."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.readme_pages import CHINESE, ENGLISH, ROOT, blocks, marked, marked_list

from task_server.cli.main import build_parser
from task_server.config import PREFIX, Settings, environment

PAGES = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=lambda page: page.name)
DOCS = [ENGLISH, CHINESE, *sorted((ROOT / "docs").glob("*.md"))]


def make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert arguments[0] in targets
    for assignment in arguments[1:]:
        name, _, value = assignment.partition("=")
        assert f"$({name})" in (ROOT / "Makefile").read_text()
        assert (ROOT / value).exists()


def task_server(arguments: list[str]) -> None:
    build_parser().parse_args(arguments)


def pip(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    extras = re.fullmatch(r"\.(?:\[([a-z,]+)\])?", arguments[1])
    assert extras
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(filter(None, (extras[1] or "").split(","))) <= set(known)


def celery(arguments: list[str]) -> None:
    assert arguments[0] == "-A"
    assert importlib.util.find_spec(arguments[1])
    from celery.bin.celery import celery as command

    worker = command.commands["worker"]
    assert arguments[2] == "worker"
    known = {option for parameter in worker.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known


def docker(arguments: list[str]) -> None:
    assert arguments[0] == "compose"
    if arguments[1] == "exec":
        assert arguments[2] in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        assert arguments[3] == "task-server"
        task_server(arguments[4:])
    else:
        assert arguments[1] == "up"


def export(arguments: list[str]) -> None:
    name = arguments[0].partition("=")[0]
    assert name in environment(Settings())


COMMANDS = {"make": make, "task-server": task_server, "pip": pip, "celery": celery, "docker": docker, "export": export}
LINES = [
    line
    for page in DOCS
    if page != CHINESE
    for block in blocks(page)
    if block.language == "sh"
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("line", LINES)
def test_a_command_that_is_not_run_here_exists(line: str) -> None:
    name, *arguments = shlex.split(line)
    COMMANDS[name](arguments)


def test_both_languages_show_the_same_code() -> None:
    assert blocks(CHINESE) == blocks(ENGLISH)


@pytest.mark.parametrize("name", ["not served: rpcs", "not served: fields"])
def test_both_languages_list_the_same(name: str) -> None:
    assert marked_list(CHINESE, name) == marked_list(ENGLISH, name)


@PAGES
def test_the_table_has_every_setting_with_its_default(page: Path) -> None:
    rows = [
        re.fullmatch(r"\| `(\w+)` \| (?:`([^`]*)`)? ?\| (.+) \|", line)
        for line in marked(page, "settings").splitlines()
    ]
    told = {row[1]: row[2] or "" for row in rows if row}
    assert told == environment(Settings())
    assert list(told) == list(environment(Settings())), "in the order of the settings"
    assert all(name.startswith(PREFIX) for name in told)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
