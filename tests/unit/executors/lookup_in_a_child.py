"""Looks names up and calls their hosts from children of the HTTP executor, with a name server of its own.

In namespaces of its own, where it may give itself both: as root, or where users may make namespaces.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from task_server.domain.actions import HttpAction
from task_server.executors.egress import EgressPolicy
from task_server.executors.executor import AttemptId
from task_server.executors.http import HttpExecutor
from task_server.sandbox import kernel

_MOUNTS, _USERS, _NETWORK = 0x20000, 0x10000000, 0x40000000
_RECURSIVE, _PRIVATE, _BIND = 0x4000, 0x40000, 0x1000
_SET_FLAGS, _UP = 0x8914, 0x1
_ANSWERS = {1: socket.inet_aton("127.0.0.1"), 28: socket.inet_pton(socket.AF_INET6, "::1")}


class Answer(BaseHTTPRequestHandler):
    """Says 200."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


class ServerOfSix(HTTPServer):
    """The same by IPv6."""

    address_family = socket.AF_INET6


def main(configuration):
    """Print what became of each call, and which kinds of record were asked for."""
    separate(configuration)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    asked = set()
    threading.Thread(target=serve_names, args=(names, asked), daemon=True).start()
    first = HTTPServer(("127.0.0.1", 8080), Answer)
    for server in (first, ServerOfSix(("::1", 8080), Answer)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    executor = HttpExecutor(egress=EgressPolicy(allow_networks=("127.0.0.0/8", "::1/128")))
    said = {}
    for host in ("host.of-a-test", "[::1]", "nowhere.of-a-test"):
        action = HttpAction(url=f"http://{host}:8080/")
        outcome = executor.start(action, attempt=AttemptId("e", 1), timeout=30, log=print).wait()
        said[host] = [outcome.status, outcome.error, list(outcome.isolation.layers)]
    executor.close()
    print(json.dumps([said, sorted(asked)]))


def separate(configuration):
    """Leave the machine's network and mounts."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(_MOUNTS | _NETWORK | (0 if user == 0 else _USERS))
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    kernel.mount("none", "/", None, _RECURSIVE | _PRIVATE)
    kernel.mount(configuration, "/etc/resolv.conf", None, _BIND)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


def serve_names(names, asked):
    """A name server that knows one host."""
    while True:
        question, asker = names.recvfrom(2_000)
        end = question.index(b"\0", 12)
        kind = int.from_bytes(question[end + 1 : end + 3], "big")
        host = question[12:end]
        address = _ANSWERS.get(kind, b"") if host == b"\x04host\x09of-a-test" else b""
        if b"of-a-test" in host:
            asked.add(kind)
        counts = struct.pack(">HHHH", 1, 1 if address else 0, 0, 0)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(address)) + address if address else b""
        names.sendto(question[:2] + b"\x81\x80" + counts + question[12 : end + 5] + answer, asker)


if __name__ == "__main__":
    main(sys.argv[1])
