"""URLs that an API task may not call: refused before anything is sent, seen at the sockets themselves."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pytest
from egress_world import CONNECTED, Listener, Names, get, nothing_is_sent

from task_server.executors.connection import vetted_addresses
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request_rules import BadUrl, parse_url

CORPUS = Path(__file__).parent / "corpus"
PUBLIC = "93.184.216.34"


def names() -> Names:
    return Names(
        public_test=[[PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"]],
        localhost=[["127.0.0.1"]],
        **{
            "to-loopback.test": [["127.0.0.1"]],
            "to-loopback6.test": [["::1"]],
            "to-metadata.test": [[PUBLIC, "169.254.169.254"]],
            "to-mapped.test": [["::ffff:10.0.0.1"]],
            "to-nat64.test": [["64:ff9b::7f00:1"]],
            "to-zone.test": [["fe80::1%1"]],
            "last-bad.test": [[PUBLIC] * 19 + ["127.0.0.1"]],
            "twenty-one.test": [[PUBLIC] * 21],
            "rebind.test": [[PUBLIC, "127.0.0.1"], ["127.0.0.1"]],
            "aaaa-private.test": [["fd00::1", PUBLIC]],
            "cname-to-private.test": [["10.0.0.1"]],
            "metadata.google.internal": [["169.254.169.254"]],
            "xn--localhst-p2a.test": [["127.0.0.1"]],
            "example.com": [["127.0.0.1"]],
        },
    )


def rows(file: str):
    with (CORPUS / file).open(encoding="utf-8", newline="") as text:
        for number, row in enumerate(csv.DictReader(text, delimiter="\t"), 1):
            url = ast.literal_eval(row["url (python repr)"])
            yield pytest.param(row["expected"], url, id=f"{file}-{number}-{row['category']}")


@pytest.fixture(scope="module")
def listeners():
    """Where the attacks want to get: one port on the loopback addresses that they name."""
    first = Listener()
    listeners = [first, *(Listener(address=address, port=first.port) for address in ("127.0.0.2", "::1"))]
    yield listeners
    for listener in listeners:
        listener.close()


def moved(url: str, port: int) -> str:
    """The URL with the listeners' port, where it has none."""
    parts = re.match(r"(?is)(https?://)([^/?#\\]*)(.*)", url)
    if parts is None or ":" in parts[2].rpartition("]")[2].rpartition("@")[2]:
        return url
    return f"{parts[1]}{parts[2]}:{port}{parts[3]}"


def named(url: str) -> str:
    """The host that a caller means, in whatever script it is written."""
    try:
        return parse_url(url).host
    except BadUrl:
        return url


@pytest.mark.parametrize(("expected", "url"), [*rows("egress.tsv"), *rows("egress_more.tsv")])
def test_nothing_is_sent_to_where_a_call_may_not_go(listeners, expected, url):
    policy = EgressPolicy(ports=(80, 443, 8080, 8443, listeners[0].port))
    if expected == "allow":
        assert vetted_addresses(parse_url(url), policy, names())
        return
    for attack in {url, moved(url, listeners[0].port)}:
        with nothing_is_sent(*listeners), pytest.raises(EgressDenied) as refused:
            get(attack, policy, names())
        said = str(refused.value)
        assert said.isprintable()
        # What the caller did not say itself is not told: it would map the operator's network.
        for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "fd00::1"):
            assert address in named(attack) or address not in said


def test_the_listeners_would_hear_it(listeners):
    before = len(CONNECTED)
    policy = EgressPolicy(allow_networks=("127.0.0.0/8=*", "::1/128=*"))
    for listener, host in zip(listeners, ("127.0.0.1", "127.0.0.2", "[::1]"), strict=True):
        connections = listener.connections
        get(f"http://{host}:{listener.port}/", policy)
        assert listener.connections == connections + 1
    assert [address[0] for address in CONNECTED[before:]] == ["127.0.0.1", "127.0.0.2", "::1"]


@pytest.mark.parametrize(
    ("url", "at_port"),
    [
        ("http://127.0.0.1/x", "http://127.0.0.1:9/x"),
        ("http://[::1]", "http://[::1]:9"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://a:80/", "http://a:80/"),
        ("http://u:p@127.0.0.1/", "http://u:p@127.0.0.1:9/"),
        ("http:127.0.0.1/", "http:127.0.0.1/"),
    ],
)
def test_an_attack_is_moved_to_the_listeners(url, at_port):
    assert moved(url, 9) == at_port
