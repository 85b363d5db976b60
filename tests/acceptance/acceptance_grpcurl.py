"""grpcurl: the machine's own, else built with Go and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

VERSION = "v1.9.4"
_BUILD_SECONDS = 600


def require_grpcurl() -> Path:
    """The program. Without it, and without a Go that builds it, the test is skipped, but in CI it fails."""
    found = shutil.which("grpcurl")
    if found:
        return Path(found)
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "task-manager-tests" / "grpcurl" / VERSION
    )
    if not (cache / "grpcurl").exists():
        _build(cache)
    return cache / "grpcurl"


def _build(cache: Path) -> None:
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        _missing("no grpcurl on PATH, and no go to build it with")
        return
    built = subprocess.run(
        [go, "install", f"github.com/fullstorydev/grpcurl/cmd/grpcurl@{VERSION}"],
        env=os.environ | {"GOBIN": str(cache)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
    )
    if built.returncode:
        _missing(f"no grpcurl on PATH, and it could not be built: {built.stderr.strip().splitlines()[-1:]}")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
