"""The import contracts can fail: a small graph with one import that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

CONTRACTS = """
[tool.importlinter]
root_packages = ["house"]
include_external_packages = true
contract_types = ["allowed: tools.import_contracts.AllowedImports", "room: tools.import_contracts.LibraryRoom"]

[[tool.importlinter.contracts]]
name = "rules"
type = "allowed"
modules = ["house.domain"]
may_import = ["croniter"]

[[tool.importlinter.contracts]]
name = "database"
type = "room"
libraries = ["peewee"]
rooms = ["house.store"]
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(CONTRACTS)
    for path, text in {
        "__init__.py": "",
        "domain/__init__.py": "",
        "domain/task.py": "import json\nimport croniter\nfrom house.domain import status\n",
        "domain/status.py": "",
        "domains.py": "import requests\n",
        "store/__init__.py": "import peewee\nfrom house.domain import task\n",
    }.items():
        file = tmp_path / "house" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from importlinter.cli import lint_imports_command; sys.path.insert(0, '.'); lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_house_in_order_passes(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("domain/task.py", "import requests", "house.domain.task may not import requests"),
        ("domain/task.py", "from house import store", "house.domain.task may not import house.store"),
        ("domain/task.py", "import house.domains", "house.domain.task may not import house.domains"),
        ("domains.py", "import peewee", "house.domains may not import peewee"),
    ],
)
def test_a_wrong_import_is_named(house: Path, file: str, line: str, said: str) -> None:
    (house / "house" / file).write_text(line + "\n")
    result = lint(house)
    assert result.returncode == 1
    assert said in result.stdout
