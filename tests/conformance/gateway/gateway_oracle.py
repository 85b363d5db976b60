"""Builds the official grpc-gateway from our protos: the oracle that the conformance tests compare with."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import google.api
import pytest

ROOT = Path(__file__).parents[3]
SOURCE = Path(__file__).parent / "oracle"
PROTOS = ROOT / "protos"
GENERATORS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway",
)
GO_PACKAGE_ROOT = "task-manager/clients/go"


def require_go() -> str:
    """The go command. Without one the test is skipped, but in CI it fails."""
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        if os.environ.get("CI"):
            pytest.fail("no go on this machine; CI needs one (Go 1.26 or newer) to compare with the official gateway")
        pytest.skip("no go on this machine")
    return go


def built_oracle() -> Path:
    """The oracle's binary, built once for each content of the protos and of its source."""
    go = require_go()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "task-manager-tests" / "oracle"
    folder = cache / content_hash()
    binary = folder / "oracle"
    if binary.exists():
        return binary
    cache.mkdir(parents=True, exist_ok=True)
    # Built beside and moved into place, so that a build that was cut off is never taken for a whole one.
    work = cache / f"building-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    try:
        build(go, work)
        folder.mkdir(exist_ok=True)
        (work / "oracle").replace(binary)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return binary


def content_hash() -> str:
    """Changes with everything that the binary is made of."""
    digest = hashlib.sha256(version("grpcio-tools").encode())
    for path in sorted([*PROTOS.rglob("*.proto"), *SOURCE.iterdir(), Path(__file__)]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def build(go: str, work: Path) -> None:
    """Generates the Go code in a copy of the source, and builds it there."""
    shutil.copytree(SOURCE, work)
    bin_folder, generated = work / "bin", work / "gen"
    bin_folder.mkdir()
    generated.mkdir()
    run([go, "build", "-o", f"{bin_folder}/", *GENERATORS], work)
    outputs = [
        argument
        for plugin in ("go", "go-grpc", "grpc-gateway")
        for argument in (
            f"--plugin=protoc-gen-{plugin}={bin_folder / f'protoc-gen-{plugin}'}",
            f"--{plugin}_out={generated}",
            f"--{plugin}_opt=module={GO_PACKAGE_ROOT}",
        )
    ]
    includes = [f"-I{PROTOS}", f"-I{Path(next(iter(google.api.__path__))).parents[1]}"]
    files = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.rglob("*.proto"))]
    run([sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *files], work)
    run([go, "build", "-o", str(work / "oracle"), "."], work)


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command[:4])} … failed:\n{done.stdout}{done.stderr}")
