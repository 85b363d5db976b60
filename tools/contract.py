"""The contract's own commands: generate the stubs, check protos and stubs, and record a contract as released.

    python tools/contract.py proto     `make proto`: format and lint the protos, write the stubs
    python tools/contract.py check     part of `make check`: lint, format, breaking changes, fresh stubs
    python tools/contract.py release   `make release-contract`: refresh protos/released.binpb, unless that breaks a client

Everything works offline: buf and protoc are Python packages of the development environment. `--root` names another checkout.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2

#: What our protos import of Google's, with what those import.
GOOGLE_PROTOS = ("google/api/annotations.proto", "google/api/field_behavior.proto", "google/api/http.proto")
#: googleapis-common-protos installs the protos beside their Python modules.
SITE_PACKAGES = Path(annotations_pb2.__file__).parents[2]
#: The contract that clients in the field were generated from.
RELEASED = "protos/released.binpb"
STUBS = "clients/python/task_manager/v1"


class Broken(Exception):
    """A check failed; the message says what to do."""


def copy_google_protos(root: Path) -> None:
    """Fill the git-ignored buf module with the google/api protos of googleapis-common-protos."""
    for name in GOOGLE_PROTOS:
        target = root / ".buf/googleapis" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((SITE_PACKAGES / name).read_bytes())


def buf(root: Path, *arguments: str, otherwise: str) -> None:
    """Run buf; raise Broken with `otherwise`, below what buf itself says, if it fails."""
    program = Path(sys.executable).with_name("buf")
    if subprocess.run([program, *arguments], cwd=root, check=False).returncode != 0:
        raise Broken(otherwise)


def generate(root: Path, target: Path) -> None:
    """Write the Python stubs of all protos below `target`; service stubs only where there is a service."""
    protos = sorted((root / "protos").glob("task_manager/v1/*.proto"))
    includes = [f"-I{root / 'protos'}", f"-I{SITE_PACKAGES}"]
    services = [path for path in protos if path.stem.endswith("_service")]
    for outputs, sources in (
        ([f"--python_out={target}", f"--pyi_out={target}"], protos),
        ([f"--grpc_python_out={target}"], services),
    ):
        command = [sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *map(str, sources)]
        if subprocess.run(command, check=False).returncode != 0:
            raise Broken("protoc refuses the protos, see above")


def proto(root: Path) -> None:
    """Format and lint the protos and write the stubs."""
    buf(root, "format", "-w", otherwise="mend the protos, then run: make proto")
    buf(root, "lint", otherwise="mend the protos, then run: make proto")
    with tempfile.TemporaryDirectory() as fresh:
        generate(root, Path(fresh))
        for old in (root / STUBS).glob("*_pb2*"):
            old.unlink()
        shutil.copytree(Path(fresh) / "task_manager/v1", root / STUBS, dirs_exist_ok=True)


def check(root: Path) -> None:
    """Raise Broken for the first thing that is wrong with the protos or the stubs."""
    buf(root, "lint", otherwise="mend the protos, then run: make proto")
    buf(root, "format", "--diff", "--exit-code", otherwise="run: make proto")
    check_released(root)
    check_stubs(root)


def check_released(root: Path) -> None:
    """Raise Broken if a client of the released contract would not be served any more."""
    advice = f"the contract may only grow: {RELEASED} is what clients were generated from"
    buf(root, "breaking", "--against", RELEASED, "--exclude-imports", otherwise=advice)
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "current.binpb"
        build_image(root, image)
        lost = http_bindings(root / RELEASED) - http_bindings(image)
    if lost:
        raise Broken("\n".join([*(f"no longer served: {binding}" for binding in sorted(lost)), advice]))


def http_bindings(image: Path) -> set[str]:
    """Return each `RPC: METHOD path (body)` of an image. buf compares no options, so that it would let a path be renamed."""
    found = set()
    for file in descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes()).file:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for binding in (rule, *rule.additional_bindings):
                    verb, path = _verb_and_path(binding)
                    if path:
                        found.add(f"{service.name}.{method.name}: {verb} {path} (body: {binding.body or 'none'})")
    return found


def _verb_and_path(rule: http_pb2.HttpRule) -> tuple[str, str]:
    kind = rule.WhichOneof("pattern")
    if kind is None:
        return "", ""
    if kind == "custom":
        return rule.custom.kind, rule.custom.path
    return kind.upper(), getattr(rule, kind)


def check_stubs(root: Path) -> None:
    """Raise Broken if the committed stubs are not what the protos generate."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(root, Path(scratch))
        fresh = Path(scratch) / "task_manager/v1"
        names = {path.name for place in (fresh, root / STUBS) for path in place.glob("*_pb2*")}
        _, different, missing = filecmp.cmpfiles(fresh, root / STUBS, names, shallow=False)
    if different or missing:
        raise Broken(f"stale stubs: {', '.join(sorted(different + missing))}\nrun: make proto")


def build_image(root: Path, target: Path) -> None:
    """Write the protos as an image without comments, which may change freely."""
    arguments = ("build", "--exclude-source-info", "--path", "protos/task_manager", "-o", str(target))
    buf(root, *arguments, otherwise="mend the protos, then run: make proto")


def release(root: Path) -> None:
    """Record the protos as released, after the check that this breaks no client of the last release."""
    if (root / RELEASED).exists():
        check_released(root)
    build_image(root, root / RELEASED)


def main() -> int:
    """Run one command; return 0, or 1 with what to do on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("proto", "check", "release"))
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    copy_google_protos(arguments.root)
    try:
        {"proto": proto, "check": check, "release": release}[arguments.command](arguments.root)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
