"""Names are looked up by the C library, in a child that the kernel filters, with a real name server, in a network of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_child_looks_names_up_and_calls_both_kinds_of_address(tmp_path):
    configuration = tmp_path / "resolv.conf"
    configuration.write_text("nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    command = [sys.executable, str(Path(__file__).with_name("lookup_in_a_child.py")), str(configuration)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    said, asked = json.loads(done.stdout)
    assert {host: status for host, (status, _, _) in said.items()} == {
        "host.of-a-test": "SUCCESS",
        "[::1]": "SUCCESS",
        "nowhere.of-a-test": "FAILURE",
    }
    assert "nowhere.of-a-test" in said["nowhere.of-a-test"][1]
    assert "does not resolve" in said["nowhere.of-a-test"][1]
    # A and AAAA.
    assert asked == [1, 28]
    assert all("seccomp" in layers for _, _, layers in said.values())
