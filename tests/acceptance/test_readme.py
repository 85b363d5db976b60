"""The README's examples, run as they stand there, against a real stack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from acceptance_grpcurl import require_grpcurl
from acceptance_stack import BARE, Stack
from tests.readme_pages import ENGLISH, Block, blocks

#: Enters the virtual environment and takes the token: the other blocks go on in its shell.
PRELUDE, *EXAMPLES = [block for block in blocks(ENGLISH) if block.language in ("bash", "python")]

#: What each example prints: patterns that follow one another.
PRINTS = [
    [r'"name": "sum"', r'"task_args": \[\s*2,\s*3\s*\]', r'"status": "PENDING"'],
    [r'"name":"sum"', r'"task_args":\[2,3\]', r'"status":"PENDING"'],
    [r"\A5\n\Z"],
    [r"\Atsk_[0-9a-f]{16}_[0-9a-f]{64}\n\Z"],
    [r'\A{"result":{"type":"ADDED"', r'"type":"BOOKMARK"', r'"status":"STARTED"', r'"status":"SUCCESS"', r"\n\Z"],
    [r'\A{"tasks":\[{', r'"name":"nightly"', r'{"task":{', r'"status":"REVOKED"', r'"outcome":"NEVER_STARTED"'],
    [
        r'\A{"fire_times":\[{',
        r'"description":"At 02:30, every day"',
        r'"status":"PAUSED"',
        r'"status":"SCHEDULED"',
        r'{"count":"1"}',
        r'{"count":"1"}\s*\Z',
    ],
    [r"\A\['X-Partner', 'ACCOUNT', 'SIGNATURE', 'TOKEN'\]\n\Z"],
    [r"\AZeroDivisionError: division by zero\n", r"line 2, in ratio", r"ZeroDivisionError: division by zero\n"],
    [r"\A1 RuntimeError: not yet\n2 RuntimeError: not yet\n3 RuntimeError: not yet\n\Z"],
    [r'\A{"task_id":"', r'"name":"invoice"', r'"concurrency_key":"customer-7"'],
    [r"\ATrue\nLOCK_HELD True\n\Z"],
    [
        r"task_manager\.v1\.TaskService\n",
        r"message CreateTaskRequest {",
        r'"status": "SERVING"',
        r'"total_size": "\d+"',
    ],
    [r'\A{"executions":\[', r'"total_size":"\d+"', r'{"total":"\d+"'],
    [r'\A{"executions":\[{"id":"', r'"task_id":"from-the-shop-1"', r'{"recorded":"0","changed":"1"'],
    [r'\A{"synced":"\d+","changed":"\d+","finished":"\d+","unreachable":"\d+"}', r'{"executions":\['],
    [r"\AID .* STATE\n", r" ci +operator +- +nightly .* works\n", r'{"token":{"id":"[0-9a-f]{16}"', r'"revoked_at":"'],
]


class Shell(NamedTuple):
    """A directory that looks like a checkout in which `make up` runs, and the environment there."""

    directory: Path
    environment: dict[str, str]
    stack: Stack

    def run(self, block: Block) -> str:
        """Run the block after the prelude and return what it printed."""
        script, text = (PRELUDE.text, block.text) if block.language == "python" else (PRELUDE.text + block.text, "")
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.moved(script) + ("python -" if text else "")],
            input=self.moved(text),
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
        return ended.stdout

    def moved(self, text: str) -> str:
        """The text with this stack's addresses in place of the defaults."""
        return text.replace("127.0.0.1:50051", self.stack.grpc_address).replace(
            "127.0.0.1:8080", self.stack.http_address
        )


@pytest.fixture
def shell(stack: Stack, tmp_path: Path) -> Shell:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".task-manager").symlink_to(stack.data_dir)
    addresses = {
        # These are the defaults that the programs of the examples go by.
        "TASK_MANAGER_ADDRESS": stack.grpc_address,
        "TASK_SERVER_GRPC_ADDRESS": stack.grpc_address,
    }
    return Shell(tmp_path, BARE | addresses, stack)


def test_the_prelude_finds_the_admins_token(shell: Shell) -> None:
    show = Block("bash", 'echo "$TASK_MANAGER_TOKEN $(command -v task-server)"')
    assert shell.run(show) == f"{shell.stack.admin_token} {sys.prefix}/bin/task-server\n"


# Building grpcurl, where there is none, takes two minutes.
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("block", "patterns"), list(zip(EXAMPLES, PRINTS, strict=True)), ids=range(len(PRINTS)))
def test_an_example_does_what_it_says(shell: Shell, block: Block, patterns: list[str]) -> None:
    if "grpcurl" in block.text:
        shell.environment["PATH"] = f"{require_grpcurl().parent}{os.pathsep}{shell.environment['PATH']}"
    if "curl -sS" in block.text and not shutil.which("curl"):
        missing = "no curl on PATH"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    printed = shell.run(block)
    assert re.search(".*?".join(patterns), printed, re.DOTALL), printed
