"""Runs attacks on the kernel's layers as plain Python in real children, and judges what came of them."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from task_server.sandbox import zygote_process
from task_server.sandbox.ending import Cause, Ending
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor

_HERE = Path(__file__).parent
#: Where the attacks look for canaries, and how they call a listener: replaced by what this run of the tests has made.
_PLACE = "/tmp/sandbox-attack"
_ABSTRACT = "tasksec-canary"
LIMITS = Limits(wall_seconds=2.0, cpu_seconds=1)
_HARMLESS = json.dumps({"source": "def run():\n    return 'well'\n", "port": 0}).encode()


@dataclass(frozen=True)
class Attack:
    """One file of the corpus."""

    name: str
    category: str
    source: str


def corpus() -> list[Attack]:
    """All attacks, in order."""
    attacks = []
    for path in sorted((_HERE / "corpus" / "os").glob("*.py")):
        source = path.read_text()
        header = dict(line[2:].split(": ", 1) for line in source.splitlines() if line.startswith("# ") and ": " in line)
        attacks.append(Attack(path.stem, header["class"], source))
    return attacks


@dataclass(frozen=True)
class Canaries:
    """What attacks look for."""

    place: Path
    port: int
    abstract: str

    def aim(self, source: str) -> str:
        """The attack, at these canaries."""
        return source.replace(_PLACE, str(self.place)).replace(_ABSTRACT, self.abstract)


@dataclass(frozen=True)
class Verdict:
    """What an attack came to."""

    #: Why it is a hole; empty where there is none.
    hole: str
    ending: Ending
    said: str


class Range:
    """A supervisor whose children wear one set of layers, with canaries around it."""

    def __init__(self, layers: str, canaries: Canaries) -> None:
        self._canaries = canaries
        self._command = (sys.executable, "-I", str(_HERE / "breach_zygote.py"), layers)
        self._supervisor = Supervisor("tests.security.breach_runner", lenient=True)
        self._warm_up()
        self._ending(_HARMLESS)
        self.layers = self._ending(_HARMLESS).layers

    def attack(self, attack: Attack) -> Verdict:
        """Run it, and see what is left of it and of us."""
        began = time.monotonic()
        zygote = self._supervisor.zygote_pid
        job = {"source": self._canaries.aim(attack.source), "port": self._canaries.port}
        ending = self._ending(json.dumps(job).encode())
        took = time.monotonic() - began
        said = "" if ending.result is None else ending.result.decode("utf-8", "replace")[:200]
        return Verdict(self._hole(ending, said, took, zygote), ending, said)

    def close(self) -> None:
        """End it."""
        self._supervisor.close()

    def _hole(self, ending: Ending, said: str, took: float, zygote: int | None) -> str:
        if said.startswith(('"PWNED', '"SOCKET-ALLOWED')):
            return said
        if said.startswith('"REACHABLE') and not said.startswith('"REACHABLE 0'):
            return said
        if took > LIMITS.wall_seconds + 2.0:
            return f"it went on for {took:.1f} s"
        if ending.layers != self.layers:
            return f"it made the receipt say {ending.layers}"
        if self._supervisor.zygote_pid != zygote or zygote is None:
            return "its zygote is gone"
        if not _is_childless(zygote):
            return "it left processes behind"
        after = self._ending(_HARMLESS)
        return "" if after.result == b'"well"' else f"the next run ended so: {after}"

    def leaves_nothing(self) -> bool:
        """Whether no process is left of the runs so far."""
        zygote = self._supervisor.zygote_pid
        return zygote is not None and _is_childless(zygote)

    def _ending(self, job: bytes) -> Ending:
        self._warm_up()
        ending = self._supervisor.start(job, LIMITS, log=lambda _text: None).wait()
        assert ending.cause is not Cause.UNCAGED, ending.detail
        return ending

    def _warm_up(self) -> None:
        usual, zygote_process._COMMAND = zygote_process._COMMAND, self._command
        try:
            self._supervisor.warm_up()
        finally:
            zygote_process._COMMAND = usual


@contextmanager
def put_out() -> Iterator[Canaries]:
    """Put canaries out: files, and listeners of several kinds."""
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="canaries-") as directory,
        socket.create_server(("127.0.0.1", 0)) as stream,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        place = Path(directory)
        # What only the layers may protect: anybody may write here.
        place.chmod(0o777)
        for name, mode in (("canary.txt", 0o600), ("open", 0o666)):
            (place / name).write_text("canary")
            (place / name).chmod(mode)
        local.bind(str(place / "socket"))
        (place / "socket").chmod(0o777)
        local.listen()
        abstract.bind(f"\0{place.name}")
        abstract.listen()
        threads = [threading.Thread(target=_greet, args=(one,), daemon=True) for one in (stream, local, abstract)]
        for thread in threads:
            thread.start()
        yield Canaries(place, stream.getsockname()[1], place.name)
        for one in (stream, local, abstract):
            one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def _greet(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            with server.accept()[0] as one:
                one.send(b"canary")


def _is_childless(zygote: int) -> bool:
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        if not Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split():
            return True
        time.sleep(0.01)
    return False


def user() -> str:
    """Who runs this."""
    return f"uid {os.geteuid()}"
