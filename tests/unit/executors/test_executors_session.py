"""What requests and urllib3 are left to decide: nothing."""

from __future__ import annotations

import ast
import csv
import socket
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.executors.calls import ATTEMPT, call_action

from task_server.domain.actions import HttpAction
from task_server.executors.connection import DirectDialer, RequestFailed
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request import Request, first_request
from task_server.executors.request_rules import BadUrl, parse_url
from task_server.executors.session import GuardedSession

CORPUS = Path(__file__).parents[2] / "security" / "corpus" / "egress.tsv"
LOOPBACK = EgressPolicy(allow_networks=("127.0.0.0/8=*",))
TLS = ssl.create_default_context()


def urls_of_the_corpus():
    with CORPUS.open() as file:
        return [ast.literal_eval(row["url (python repr)"]) for row in csv.DictReader(file, delimiter="\t")]


class Loop(DirectDialer):
    """Leads nowhere: keeps what is sent, and has answered before."""

    def dial(self):
        ours, theirs = socket.socketpair()
        theirs.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        SENT.append(theirs)
        return ours


SENT: list[socket.socket] = []


def sent(target):
    """The head of a request to a target, as it goes out."""
    with GuardedSession(Loop(target, LOOPBACK), TLS) as session:
        session.send(Request("GET", target, {}, None).prepared(), stream=True, allow_redirects=False).close()
    with SENT.pop() as wire:
        head, _, rest = b"".join(iter(lambda: wire.recv(65_536), b"")).decode("ascii").partition("\r\n\r\n")
    assert rest == ""
    return head.split("\r\n")


def assert_sent_as_judged(url):
    try:
        # The same without TLS, to be able to read it.
        target = replace(parse_url(url), scheme="http")
    except BadUrl:
        return
    first, *headers = sent(target)
    host = f"[{target.host}]" if ":" in target.host else target.host.removesuffix(".")
    port = "" if target.port == 80 else f":{target.port}"
    assert first == f"GET {target.path} HTTP/1.1"
    assert [header for header in headers if header.lower().startswith("host:")] == [f"Host: {host}{port}"]


@pytest.mark.parametrize(
    "url",
    [
        *urls_of_the_corpus(),
        "http://public.test/%zz%41%c3?a[b]=1|2&c=%",
        "http://public.test//elsewhere.test/",
        "http://public.test/http://elsewhere.test/",
        "http://public.test/a/../../b/./c/..",
        "http://public.test/a;b?//c?d@e:80/",
        "http://public.test.:8080/",
    ],
)
def test_what_is_sent_is_what_was_judged(url):
    assert_sent_as_judged(url)


@settings(database=None, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("http:/\\@[]%.?#=&1a ①\t\n\0é-_;"), max_size=30).map(
        lambda rest: "http://a" + rest
    )
)
def test_two_parsers_of_urls_do_not_disagree(url):
    assert_sent_as_judged(url)


def test_whatever_the_url_says_the_connection_leads_to_the_target(server):
    judged = parse_url(server.url + "/echo")
    request = Request("GET", judged, {}, None).prepared()
    request.url = "http://elsewhere.test:1/secret"
    with GuardedSession(DirectDialer(judged, LOOPBACK), TLS) as session:
        session.send(request, stream=True, allow_redirects=False).close()
    assert [request["path"] for request in server.requests] == ["/echo"]


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd"])
def test_another_scheme_than_the_targets_is_not_known(server, url):
    request = Request("GET", parse_url(server.url), {}, None).prepared()
    request.url = url
    with (
        GuardedSession(DirectDialer(parse_url(server.url), LOOPBACK), TLS) as session,
        pytest.raises(requests.exceptions.InvalidSchema),
    ):
        session.send(request)


def test_a_proxy_is_refused(server, other_server):
    target = parse_url(server.url)
    with (
        GuardedSession(DirectDialer(target, LOOPBACK), TLS) as session,
        pytest.raises(EgressDenied, match="proxy"),
    ):
        session.send(Request("GET", target, {}, None).prepared(), proxies={"http": other_server.url})
    assert (server.connections, other_server.connections) == (0, 0)


def test_the_environment_and_files_decide_nothing(server, other_server, monkeypatch, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login worker password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other_server.url)
    call_action(HttpAction(url=server.url + "/redirect/302/echo"), LOOPBACK, TLS, max_body_bytes=1000)

    assert other_server.connections == 0
    assert [request["headers"].get("Authorization") for request in server.requests] == [None, None]


def test_bundles_of_the_environment_are_not_trusted(serve, monkeypatch, tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with pytest.raises(RequestFailed, match="unable to get local issuer certificate"):
        call_action(HttpAction(url=serve(context).url), LOOPBACK, TLS, max_body_bytes=1000)


def test_every_hop_has_a_connection_of_its_own(server):
    call_action(HttpAction(url=server.url + "/redirect/302/echo"), LOOPBACK, TLS, max_body_bytes=1000)
    assert server.connections == 2


def test_a_connection_that_ends_without_an_answer_is_not_tried_again(server):
    with pytest.raises(RequestFailed, match="without an answer"):
        call_action(HttpAction(url=server.url + "/hang-up"), LOOPBACK, TLS, max_body_bytes=1000)
    assert server.connections == 1


def test_names_are_looked_up_once(server):
    looked_up = []

    def resolve(host, port):
        # The second answer would be another one.
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    action = HttpAction(url=f"http://rebind.test:{server.port}/echo")
    call_action(action, LOOPBACK, TLS, max_body_bytes=1000, resolve=resolve)
    assert looked_up == ["rebind.test"]
    assert server.requests[0]["headers"]["Host"] == f"rebind.test:{server.port}"


def test_a_connection_that_led_elsewhere_is_closed(server):
    class Changing(EgressPolicy):
        """Allows what is to be connected to, and refuses it once connected, as if it were another."""

        judged = 0

        def refusal(self, address, port):
            Changing.judged += 1
            return "the address is not public" if Changing.judged > 1 else None

    with pytest.raises(EgressDenied, match="leads elsewhere"):
        call_action(HttpAction(url=server.url), Changing(("127.0.0.0/8=*",)), TLS, max_body_bytes=1000)
    assert server.requests == []


def test_a_header_that_would_be_two_is_refused_below_our_own_rules_too():
    request = first_request(HttpAction(url="http://public.test/"), ATTEMPT)
    request.headers["X"] = "a\r\nY: b"
    with pytest.raises(requests.exceptions.InvalidHeader):
        request.prepared()


CALLS = """
import sys
from tests.unit.executors.calls import call_action
from task_server.domain.actions import HttpAction
from task_server.executors import http_runner
from task_server.executors.connection import RequestFailed
from task_server.executors.egress import EgressDenied, EgressPolicy

http_runner.prepare()
opened, loaded = [], set(sys.modules)
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
policy = EgressPolicy(allow_networks=("127.0.0.0/8=*",))
for url in sys.argv[1:]:
    try:
        request, answer = call_action(HttpAction(url=url), policy, http_runner._tls, max_body_bytes=1000)
        answer.result(request.target.url, 1.0, 10_000)
    except (EgressDenied, RequestFailed) as error:
        print(error)
print(opened, sorted(set(sys.modules) - loaded))
"""


def test_a_child_loads_nothing_and_opens_no_file(serve, server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    paths = ["echo", "redirect/302/echo", "cookie", "gbk", "gzip", "bad-gzip", "deflate/raw", "short", "hang-up"]
    paths += [f"raw/{kind}" for kind in ("nonsense", "many", "long", "large", "chunk", "cut", "lengths", "twice")]
    urls = [f"{server.url}/{path}" for path in paths]
    urls += [serve(context).url, server.url.replace("http", "https"), "http://127.0.0.1:1/", "http://例子.test:25/"]
    ran = subprocess.run(
        [sys.executable, "-c", CALLS, *urls],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert ran.stdout.splitlines()[-1] == "[] []", ran.stdout
    assert "not trusted" in ran.stdout
    assert ran.stderr == ""
