"""Certificates for tests, of an authority of their own, in files as an operator has them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs what a test needs."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ca = trustme.CA()
        home.mkdir(exist_ok=True)
        self.file = home / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)
        self._count = 0

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self._ca.cert_pem.bytes()

    def issue(self, *names: str) -> Pair:
        """A certificate for host names, addresses or URIs."""
        self._count += 1
        pair = Pair(self._home / f"{self._count}.pem", self._home / f"{self._count}.key")
        self.leaf(*names).write(pair)
        return pair

    def leaf(self, *names: str) -> Leaf:
        """The same, not yet in files."""
        return Leaf(self._ca, names)


class Leaf:
    """A certificate that can be written wherever it is wanted."""

    def __init__(self, ca: trustme.CA, names: tuple[str, ...]) -> None:
        self._made = ca.issue_cert(*names)

    @property
    def chain(self) -> bytes:
        return b"".join(blob.bytes() for blob in self._made.cert_chain_pems)

    @property
    def key(self) -> bytes:
        return self._made.private_key_pem.bytes()

    def write(self, pair: Pair) -> None:
        """Put it in place of what the files hold, each at once."""
        for file, content in ((pair.key, self.key), (pair.cert, self.chain)):
            fresh = file.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.chmod(0o600)
            os.replace(fresh, file)


class Volume:
    """A directory whose files are links through `..data`, which changes its target at once, as Kubernetes mounts secrets."""

    def __init__(self, home: Path, leaf: Leaf) -> None:
        self._home = home
        home.mkdir()
        self._count = 0
        self.pair = Pair(home / "tls.crt", home / "tls.key")
        self.swap(leaf)
        self.pair.cert.symlink_to(Path("..data", "tls.crt"))
        self.pair.key.symlink_to(Path("..data", "tls.key"))

    def swap(self, leaf: Leaf) -> None:
        """Have the links lead to another certificate."""
        self._count += 1
        version = self._home / f"..{self._count}"
        version.mkdir()
        (version / "tls.crt").write_bytes(leaf.chain)
        (version / "tls.key").write_bytes(leaf.key)
        link = self._home / "..data_tmp"
        link.symlink_to(version.name)
        os.replace(link, self._home / "..data")
        if self._count > 1:
            shutil.rmtree(self._home / f"..{self._count - 1}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")
