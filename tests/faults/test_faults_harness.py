"""The short version of `make faults` on both databases, and that each invariant notices what it is there for."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.faults import invariants, log_lines, plan, storm, tampering
from tests.faults.facts import Evidence, Facts
from tests.faults.finding import Finding
from tests.faults.options import Options
from tests.faults.process import Process
from tests.faults.spoiling import Spoil
from tests.faults.tables import Tables
from tests.faults.tampering_of_changes import TAMPERINGS as TAMPERINGS_OF_CHANGES
from tests.postgres import find_programs

SEED, SECONDS = 1, 11.0
TAMPERINGS = [*tampering.TAMPERINGS, *TAMPERINGS_OF_CHANGES]
ROOT = Path(__file__).parents[2]
_END_SECONDS = 120.0


@dataclass(frozen=True)
class Done:
    """A run of the harness that has ended."""

    directory: Path
    status: int
    output: str


def short_run(directory: Path, database: str) -> Done:
    arguments = ["--short", "--seconds", f"{SECONDS:g}", "--seed", str(SEED), "--database", database]
    harness = subprocess.Popen(
        [sys.executable, "-m", "tests.faults", *arguments, "--directory", str(directory)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = harness.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        harness.terminate()
        output, _ = harness.communicate()
        pytest.fail(f"not done after {_END_SECONDS:g} s\n{output}")
    print(output)
    return Done(directory, harness.returncode, output)


@pytest.fixture(scope="module")
def sqlite_run(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return short_run(tmp_path_factory.mktemp("faults"), "sqlite")


def test_nothing_is_lost_or_doubled_on_sqlite(sqlite_run: Done) -> None:
    assert sqlite_run.status == 0, sqlite_run.output
    assert _injected(sqlite_run.directory) == {kind.name for kind in storm.KINDS if not kind.needs_postgres}


def test_nothing_is_lost_or_doubled_on_postgresql(tmp_path: Path) -> None:
    if find_programs() is None:
        reason = "no PostgreSQL server binaries on this machine"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    done = short_run(tmp_path, "postgresql")
    assert done.status == 0, done.output
    assert _injected(tmp_path) == {kind.name for kind in storm.KINDS}


def _injected(directory: Path) -> set[str]:
    return {injection.fault for injection in Evidence.load(directory).injections}


def _facts(directory: Path) -> Facts:
    return Facts.read(Tables(f"sqlite:///{directory / 'task-manager.db'}"), Evidence.load(directory))


def _spoiled(directory: Path, spoil: Spoil) -> Facts:
    evidence = Evidence.load(directory)
    with closing(sqlite3.connect(directory / "task-manager.db", isolation_level=None)) as database:
        spoil(database, evidence)
    return Facts.read(Tables(f"sqlite:///{directory / 'task-manager.db'}"), evidence)


@pytest.fixture(scope="module")
def findings(sqlite_run: Done) -> dict[str, list[Finding]]:
    """What is broken before anything is spoiled: nothing, unless the run failed."""
    return invariants.broken(_facts(sqlite_run.directory))


@pytest.mark.parametrize(
    ("spoil", "invariant"), TAMPERINGS, ids=[f"{how.__name__}: {what}" for how, what in TAMPERINGS]
)
def test_an_invariant_notices(
    sqlite_run: Done, findings: dict[str, list[Finding]], tmp_path: Path, spoil: Spoil, invariant: str
) -> None:
    for file in ("task-manager.db", "evidence.json"):
        shutil.copy(sqlite_run.directory / file, tmp_path)
    found = invariants.INVARIANTS[invariant](_spoiled(tmp_path, spoil))
    assert set(found) - set(findings.get(invariant, []))


def test_every_invariant_is_spoiled_once() -> None:
    assert {invariant for _, invariant in TAMPERINGS} == set(invariants.INVARIANTS)


def test_a_seed_gives_the_same_load() -> None:
    options = Options(seed=5, seconds=60.0, database="sqlite")
    first, second = (list(plan.items(options)) for _ in range(2))
    assert first == second
    assert {item.kind for item in first} == set(plan.KINDS)
    assert first != list(plan.items(replace(options, seed=6)))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2026-01-02T03:04:05.678Z INFO    server x: all is well\n", 0),
        ("2026-01-02T03:04:05.678Z ERROR   server x: health is NOT_SERVING\n", 0),
        ("2026-01-02T03:04:05.678Z ERROR   server x: broken\n", 1),
        ("2026-01-02T03:04:05.678Z WARNING server x: odd\nTraceback (most recent call last):\n  at\nKeyError: 1\n", 1),
        ("/somewhere/module.py:1: DeprecationWarning: old\n", 1),
    ],
)
def test_log_lines_that_tell_of_a_defect(tmp_path: Path, said: str, found: int) -> None:
    (tmp_path / "log").write_text(said)
    assert len(list(log_lines.defects(Process("it", [], {}, tmp_path / "log")))) == found
