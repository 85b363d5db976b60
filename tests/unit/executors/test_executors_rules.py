"""What may be asked for, and where calls may go, without a network."""

from __future__ import annotations

import ast
import csv
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.executors.connection import RequestFailed, vetted_addresses
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request_rules import (
    BadUrl,
    check_headers,
    check_method,
    check_params,
    check_url,
    parse_url,
)

CORPUS = Path(__file__).parents[2] / "security" / "corpus" / "egress.tsv"
NAMES = {
    "public.test": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
    "localhost": ["127.0.0.1"],
    "to-loopback.test": ["127.0.0.1"],
    "to-metadata.test": ["93.184.216.34", "169.254.169.254"],
    "to-mapped.test": ["::ffff:10.0.0.1"],
    "rebind.test": ["93.184.216.34", "10.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
}


def resolve(host, port):
    """Names from the table; everything that is an address in some notation as the system reads it; no packet."""
    if host in NAMES:
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in NAMES[host]]
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


def corpus():
    with CORPUS.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield pytest.param(row["expected"], ast.literal_eval(row["url (python repr)"]), id=row["url (python repr)"])


@pytest.mark.parametrize(("expected", "url"), list(corpus()))
def test_the_corpus(expected, url):
    if expected == "allow":
        assert check_url(url) is None
        assert vetted_addresses(parse_url(url), EgressPolicy(), resolve)
        return
    if check_url(url) is not None:
        return
    with pytest.raises(EgressDenied):
        vetted_addresses(parse_url(url), EgressPolicy(), resolve)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "empty"),
        ("example.com/x", "no absolute URL"),
        ("/x", "no absolute URL"),
        ("ftp://example.com/", "only http and https"),
        ("http://", "no host"),
        ("http:///x", "no host"),
        ("http://u:p@example.com/", "credentials"),
        ("http://example.com/\n", "control character"),
        ("http://example.com/a b", "space"),
        ("http://example.com\\@x/", "backslash"),
        ("http://example.com/\u2028", "control character"),
        ("http://example.com:0/", "port 0"),
        ("http://example.com:99999/", "port 99999"),
        ("http://[::1/", "can not be read"),
        ("http://[::zz]/", "can not be read"),
        ("http://[1::2::3]/", "no host name"),
        ("http://a..b/", "no host name"),
        ("http://" + "a" * 254 + "/", "no host name"),
        ("http://ex%61mple.com/", "no host name"),
        ("http://℀.example/", "no host name"),
        ("http://example.com/" + "x" * 2048, "at most 2048"),
    ],
)
def test_a_url_that_can_not_be_called_says_why(url, words):
    assert words in (check_url(url) or "")


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://httpbin.org/get", "https://httpbin.org/get"),
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com:8443/a?b=c#d", "https://example.com:8443/a?b=c"),
        ("http://[2606:2800:0:0::1]:80/", "http://[2606:2800::1]/"),
        ("http://例子.测试/路?参=数", "http://xn--fsqu00a.xn--0zwm56d/%E8%B7%AF?%E5%8F%82=%E6%95%B0"),
        ("http://x.test/%41?a[b]=1|2", "http://x.test/%41?a[b]=1%7C2"),
        ("http://x.test?q=http://u@y/", "http://x.test/?q=http://u@y/"),
    ],
)
def test_a_url_is_normalised_once(url, normal):
    assert parse_url(url).url == normal
    assert parse_url(normal).url == normal


@settings(database=None)
@given(
    st.text(alphabet=st.sampled_from("http:/\\@[]%.?#=&1a ①\t\n\0é-_"), max_size=30).map(lambda rest: "http://" + rest)
)
def test_whatever_is_no_bad_url_is_plain(url):
    try:
        target = parse_url(url)
    except BadUrl:
        return
    assert target.host.isascii()
    assert target.path.startswith("/")
    assert target.path.isascii()
    assert " " not in target.url
    assert parse_url(target.url).origin == target.origin


def test_params_join_the_query():
    assert parse_url("http://x.test/a?b=1", {"c": ["d&e", 2, False]}).path == "/a?b=1&c=d%26e&c=2&c=false"
    assert parse_url("http://x.test", {"c": "100%"}).path == "/?c=100%25"


@pytest.mark.parametrize("value", [{"a": 1}, None, [[1]], [None]])
def test_params_of_other_types_are_refused(value):
    assert check_params({"a": 1, "b": value}) == "'b' must be text, a number, a boolean or a list of them"


def test_params_of_plain_types_are_fine():
    assert check_params({"a": 1, "b": ["x", 1.5, True]}) is None


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "", "GET ", "GET\r\nX: y", "GE\0T"])
def test_other_methods_are_refused(method):
    assert "GET, HEAD, POST" in (check_method(method) or "")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X": "a\r\nY: b"}, "control character"),
        ({"X": "a\nb"}, "control character"),
        ({"X": "a\0"}, "control character"),
        ({"X": "\x7f"}, "control character"),
        ({"X Y": "a"}, "no header name"),
        ({"X\r\nY": "a"}, "no header name"),
        ({"Ünï": "a"}, "no header name"),
        ({"": "a"}, "no header name"),
        ({"X": "a", "x": "b"}, "'x' is given twice"),
        ({f"X-{n}": "a" for n in range(65)}, "there are 65; at most 64"),
        ({"X": "a" * 16_384}, "16385 bytes; at most 16384"),
    ]
    + [
        ({name: "x"}, "set by the service")
        for name in (
            "Host",
            "transfer-encoding",
            "Content-Length",
            "CONNECTION",
            "Upgrade",
            "TE",
            "Expect",
            "Proxy-Authorization",
            "X-Attempt",
        )
    ],
)
def test_headers_that_may_not_be_sent_are_refused(headers, words):
    assert words in (check_headers(headers) or "")


def test_all_bad_headers_are_named():
    said = check_headers({"Host": "x", "X": "\n", "Fine": "y"}) or ""
    assert "'Host'" in said
    assert "'X'" in said
    assert "Fine" not in said


def test_ordinary_headers_are_fine():
    assert check_headers({"Authorization": "Bearer x", "X-Api-Key": "ключ", "Accept": "a,\tb"}) is None


def test_an_opened_network_is_opened_on_its_ports_only():
    policy = EgressPolicy(allow_networks=("10.1.0.0/16", "127.0.0.0/8=*", "fd00::/8=8000+9000"), ports=(80, 443))
    allowed = [("10.1.2.3", 443), ("127.9.9.9", 1), ("::ffff:127.0.0.1", 22), ("fd00::1", 9000), ("1.1.1.1", 80)]
    refused = [("10.1.2.3", 22), ("10.2.0.1", 443), ("fd00::1", 80), ("1.1.1.1", 9000), ("169.254.169.254", 80)]
    assert [policy.refusal(*one) for one in allowed] == [None] * 5
    assert all(policy.refusal(*one) for one in refused)


PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 169.253.255.255 192.0.1.0 198.17.255.255
198.20.0.0 223.255.255.255 168.63.129.15 2606:2800:220:1:248:1893:25c8:1946 2a00:1450:4001:81b::200e 2001:200::1 3ffd:ffff::1
::ffff:93.184.216.34 64:ff9b::93.184.216.34
"""
OTHER = """
0.0.0.0 0.0.0.1 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.23 169.254.169.254
169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1
192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255 168.63.129.16
:: ::1 ::127.0.0.1 ::93.184.216.34 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1 ::ffff:0:93.184.216.34
64:ff9b::a00:1 64:ff9b::169.254.169.254 64:ff9b::7f00:1 64:ff9b:1::1 64:ff9b:1::5db8:d822 64:ff9b:0:1::1
100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1
2001:1ff:ffff::1 2001:db8::1 2002:7f00:1:: 2002:5db8:d822:: 2620:4f:8000::1 3fff::1 3fff:fff::1 3ffe::1
4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
2a00:1::5efe:127.0.0.1 2a00:1::200:5efe:10.0.0.1 fe80::1%lo 2606:2800::1%2 ::1%1
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses_are_open(address):
    assert EgressPolicy().refusal(address, 80) is None
    assert EgressPolicy().refusal(address, 22) == "the port is not one of 80, 443, 8080, 8443"


@pytest.mark.parametrize("address", OTHER.split())
def test_other_addresses_are_refused_in_every_form(address):
    assert EgressPolicy().refusal(address, 80)


@pytest.mark.parametrize("address", ["x", "1.1", "", "1.1.1.1 ", "01.1.1.1", "1.1.1.1.", "0x1.1.1.1", "1.1.1.1/32"])
def test_what_is_no_address_is_refused(address):
    assert EgressPolicy().refusal(address, 80) == "the address is of no known kind"


def test_what_is_denied_wins_over_what_is_allowed():
    policy = EgressPolicy(
        allow_networks=("10.0.0.0/8=*", "::/0=*"),
        deny_networks=("10.9.0.0/16", "1.1.1.0/24", "64:ff9b::/96", "2a00::/16"),
    )
    refused = ["10.9.1.1", "::ffff:10.9.1.1", "1.1.1.1", "64:ff9b::0801:0101", "2a00::1"]
    assert {policy.refusal(address, 80) for address in refused} == {"the operator denies the address"}
    assert [policy.refusal(address, 80) for address in ("10.8.1.1", "8.8.8.8", "2a01::1", "fd00::1")] == [None] * 4
    # NAT64 is judged by what is embedded, also where somebody opened all of IPv6.
    assert EgressPolicy(allow_networks=("::/0=*",)).refusal("64:ff9b::a00:1", 80) == "the address is not public"
    assert EgressPolicy(allow_networks=("fe80::/10=*",)).refusal("fe80::1%lo", 80)


HOSTS = EgressPolicy(
    allow_hosts=("api.example.com", "*.Example.ORG", "例子.测试", "192.0.2.1", "[2606::1]"),
    deny_hosts=("bad.example.org", "*.worse.example.org"),
    allow_networks=("192.0.2.0/24",),
)


@pytest.mark.parametrize(
    "url",
    [
        *("http://api.example.com", "http://API.example.com.", "http://a.example.org", "http://a.b.example.org/"),
        *("http://例子.测试/", "http://xn--fsqu00a.xn--0zwm56d/", "http://192.0.2.1/", "http://[2606:0::1]/"),
        *("http://worse.example.org/", "http://abad.example.org/"),
    ],
)
def test_a_named_host_may_be_called(url):
    target = parse_url(url)
    assert HOSTS.target_refusal(target.host, target.port) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *(
            (url, "it is none of the hosts that the operator allows")
            for url in (
                *("http://example.com", "http://x.api.example.com", "http://example.org", "http://aexample.org"),
                *(
                    "http://api.example.com.evil.test",
                    "http://192.0.2.2/",
                    "http://[2606::2]",
                    "http://org",
                    "http://1.1.1.1",
                ),
            )
        ),
        *(
            (url, "the operator denies this host")
            for url in ("http://bad.example.org", "http://BAD.example.org.", "http://a.worse.example.org.")
        ),
    ],
)
def test_any_other_host_may_not(url, why):
    target = parse_url(url)
    assert HOSTS.target_refusal(target.host, target.port) == why


def test_a_named_host_opens_no_address():
    policy = EgressPolicy(allow_hosts=("to-loopback.test",))
    with pytest.raises(EgressDenied, match="not public"):
        vetted_addresses(parse_url("http://to-loopback.test/"), policy, resolve)


def test_a_denied_host_is_never_looked_up():
    def never(_host, _port):
        raise AssertionError

    policies = (EgressPolicy(deny_hosts=("*.test",)), EgressPolicy(allow_hosts=("x.test",)))
    for policy in policies:
        with pytest.raises(EgressDenied, match="operator"):
            vetted_addresses(parse_url("http://public.test/"), policy, never)


@pytest.mark.parametrize(
    "entry", ["", "*", "*.", "*.*.x", "a b", "http://x", "x:80", "x/y", "u@x", "127.1", "*.1.1.1.1", "[::1"]
)
def test_a_host_that_is_none_is_named(entry):
    for field in ("allow_hosts", "deny_hosts"):
        with pytest.raises(ValueError, match="no host"):
            EgressPolicy(**{field: (entry,)})


def test_an_address_is_denied_as_a_network():
    for address in ("10.0.0.1", "[::1]"):
        with pytest.raises(ValueError, match="deny its network instead"):
            EgressPolicy(deny_hosts=(address,))
    with pytest.raises(ValueError, match=r"'10\.0\.0\.1/8' is no network"):
        EgressPolicy(deny_networks=("10.0.0.1/8",))


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "1.1.1.01", "1.2.3.4.5"),
        *(
            "256.1.1.1",
            "1.1.1",
            "a.1",
            "a.0x1",
            "a.0x",
            "a.b.08",
            "\uff11\uff12\uff17.1",
            "127\u30020\u30020x1",
            "999999999999999999999",
        ),
    ],
)
def test_an_address_in_an_unusual_form_is_no_host(host):
    assert "usual form" in (check_url(f"http://{host}/") or "")


@pytest.mark.parametrize(
    "host", ["1.1.1.1", "1and1.com", "0x.example", "3com", "a.1b", "\uff11.\uff11.\uff11.\uff11", "0xg"]
)
def test_names_with_digits_are_names(host):
    assert check_url(f"http://{host}/") is None


@pytest.mark.parametrize("entry", ["localhost", "10.0.0.1/8", "10.0.0.0/8=", "10.0.0.0/8=0", "10.0.0.0/8=1-2", "=*"])
def test_an_entry_that_is_none_is_named(entry):
    with pytest.raises(ValueError, match=r"no (network|port)"):
        EgressPolicy(allow_networks=(entry,))


def test_a_port_that_is_none_is_named():
    with pytest.raises(ValueError, match="'70000' is no port"):
        EgressPolicy(ports=(70_000,))


def test_a_name_without_or_with_too_many_addresses_is_refused():
    target = parse_url("http://many.test/")
    with pytest.raises(RequestFailed, match=r"many\.test"):
        vetted_addresses(target, EgressPolicy(), lambda _host, _port: [])
    many = [(socket.AF_INET, 1, 6, "", ("1.1.1.1", 80))] * 21
    with pytest.raises(EgressDenied, match="21 addresses"):
        vetted_addresses(target, EgressPolicy(), lambda _host, _port: many)


def test_a_forbidden_port_is_refused_before_the_name_is_looked_up():
    def never(_host, _port):
        raise AssertionError

    with pytest.raises(EgressDenied, match="port 25"):
        vetted_addresses(parse_url("http://public.test:25/"), EgressPolicy(), never)


def test_the_rules_load_no_client():
    program = (
        "import sys; import task_server.executors.request_rules, task_server.executors.egress; "
        "print([m for m in ('requests', 'urllib3', 'http.client', 'ssl') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
