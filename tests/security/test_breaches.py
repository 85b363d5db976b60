"""Every attack on the kernel's layers fails, as plain Python, with all layers and with the filter of system calls alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.security.breach_layers import BARE
from tests.security.breaches import Range, corpus, put_out

ATTACKS = corpus()
#: Attacks that succeed where only the layers are on that need no filter: what the others are there for. Of any user and kernel.
WITHOUT_FILTERS = {
    "203-read-etc-passwd",
    "221-connect-to-loopback-tcp",
    "223-send-a-datagram",
    "247-delete-the-kernel-timer",
}
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def canaries():
    with put_out() as canaries:
        yield canaries


@pytest.fixture(scope="module", params=["all", "seccomp"])
def place(request, canaries):
    place = Range(request.param, canaries)
    yield place
    place.close()


def test_the_corpus_is_there():
    assert len(ATTACKS) == 70
    assert len({attack.category for attack in ATTACKS}) == 12


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_on_the_kernels_layers_fails(place, attack):
    assert place.attack(attack).hole == ""


def test_the_attacks_are_attacks(canaries):
    bare = Range("process", canaries)
    through = {attack.name for attack in ATTACKS if attack.name in WITHOUT_FILTERS and bare.attack(attack).hole}
    bare.close()
    assert through == WITHOUT_FILTERS


@pytest.mark.parametrize("number", ["215", "216", "217"])
def test_what_a_run_starts_ends_with_it_also_where_it_may_start_processes(canaries, number):
    (attack,) = [attack for attack in ATTACKS if attack.name.startswith(number)]
    bare = Range(BARE, canaries)
    try:
        began = time.monotonic()
        said = bare.attack(attack).said
        # It has started some; the grandchild that holds the pipe open does not hold up its supervisor.
        assert said.startswith(('"PWNED', '"HELD'))
        assert time.monotonic() - began < 10
        assert bare.leaves_nothing()
    finally:
        bare.close()


def test_they_fail_for_a_user_without_privileges_too():
    command = [sys.executable, "-m", "tests.security.unprivileged", "tests.security", "all", "seccomp"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "as uid 0" not in done.stdout
    (receipt,) = [line for line in done.stdout.splitlines() if line.startswith("all: ")]
    assert "seccomp" in receipt
    # The user that it has is the only one it can have.
    assert "uid" not in receipt
