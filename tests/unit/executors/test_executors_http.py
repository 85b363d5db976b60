"""API tasks: real calls from real children to a real server."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import zlib

import pytest
from tests.unit.executors.calls import ATTEMPT

from task_server.domain.actions import HTTP_METHODS, HttpAction
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.answer import Answer
from task_server.executors.egress import EgressPolicy
from task_server.executors.executor import AttemptId
from task_server.executors.http import HttpExecutor


def result(outcome):
    assert outcome.result_json is not None, outcome
    return json.loads(outcome.result_json)


def failure(outcome):
    assert outcome.status is ExecutionStatus.FAILURE
    return outcome.failure_reason, outcome.error


@pytest.mark.parametrize("method", HTTP_METHODS)
def test_every_method_is_sent(call, server, method):
    outcome = call("/echo", method=method)

    assert outcome.status is ExecutionStatus.SUCCESS
    assert server.requests[-1]["method"] == method
    answer = result(outcome)
    assert (answer["status"], answer["reason"], answer["body_truncated"]) == (200, "OK", False)
    assert answer["url"] == server.url + "/echo"
    assert 0 < answer["elapsed_seconds"] < 20
    assert answer["headers"]["Content-Type"] == "application/json"
    assert bool(answer["body"]) == (method != "HEAD")


def test_params_headers_and_json_arrive(call, server):
    call(
        "/echo?a=1",
        method="POST",
        params={"q": "ä b&c", "n": [1, 2.5], "yes": True},
        headers={"X-Own": "wörld", "accept": "text/x"},
        data={"message": "延时请求", "n": None},
        has_data=True,
    )
    (request,) = server.requests
    assert request["path"] == "/echo?a=1&q=%C3%A4%20b%26c&n=1&n=2.5&yes=true"
    assert json.loads(request["body"].encode("latin-1")) == {"message": "延时请求", "n": None}
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "text/x"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["x-own"].encode("latin-1").decode() == "wörld"
    assert headers["content-length"] == str(len(request["body"]))


def test_null_is_a_body_and_no_data_is_none(call, server):
    call("/echo", method="POST", data=None, has_data=True)
    call("/echo", method="POST")
    assert [request["body"] for request in server.requests] == ["null", ""]


def test_a_raw_body_is_sent_as_it_is(call, server):
    raw = base64.b64encode(b"\x00raw\xff").decode()
    call("/echo", method="PUT", raw_body_base64=raw, headers={"Content-Type": "application/x-own"})
    assert server.requests[0]["body"] == "\x00raw\xff"
    assert server.requests[0]["headers"]["Content-Type"] == "application/x-own"


def test_the_owners_content_type_wins(call, server):
    call("/echo", method="POST", data=[1], has_data=True, headers={"content-type": "application/vnd.x+json"})
    assert server.requests[0]["headers"]["content-type"] == "application/vnd.x+json"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_success(call, status):
    assert call(f"/status/{status}").status is ExecutionStatus.SUCCESS


def test_an_unexpected_status_is_a_failure_that_keeps_the_answer(call):
    outcome = call("/status/500")
    assert failure(outcome) == (
        FailureReason.UNEXPECTED_STATUS,
        "expected status 2xx, got 500 Internal Server Error",
    )
    assert json.loads(result(outcome)["body"]) == {"why": "asked"}


def test_expected_statuses_are_the_only_ones(call):
    assert call("/status/404", expected_status=(404, 410)).status is ExecutionStatus.SUCCESS
    assert failure(call("/status/200", expected_status=(404, 410)))[1] == "expected status 404 or 410, got 200 OK"


def test_a_body_is_cut_at_the_limit_and_says_so(call):
    limit = 256 * 1024
    whole, cut = result(call(f"/bytes/{limit}")), result(call(f"/bytes/{limit + 1}"))
    assert (len(whole["body"]), whole["body_truncated"]) == (limit, False)
    assert (len(cut["body"]), cut["body_truncated"]) == (limit, True)


def test_a_body_cut_within_a_character_is_still_text(call):
    answer = result(call("/chinese/100000"))
    assert (answer["body_encoding"], answer["body_truncated"]) == ("text", True)
    assert set(answer["body"]) == {"任"}


def test_bodies_that_are_no_text_are_base64(call):
    answer = result(call("/binary"))
    assert answer["body_encoding"] == "base64"
    assert base64.b64decode(answer["body"]) == bytes(range(256))


def test_text_that_grows_too_much_in_json_is_base64(call):
    outcome = call("/controls/262144")
    assert result(outcome)["body_encoding"] == "base64"
    assert len(outcome.result_json) < 1 << 20


def test_a_charset_is_respected(call):
    assert result(call("/gbk"))["body"] == "任务"


@pytest.mark.parametrize("charset", ["zlib", "rot13", "hex", "undefined", "none", "", "\0"])
def test_a_charset_that_is_none_makes_the_body_base64(charset):
    # Not through a child: whether it can load such a codec depends on the machine.
    body = zlib.compress(b"bomb")
    answer = Answer(200, "OK", {"content-type": f"text/plain; charset={charset}"}, body, truncated=False)
    assert json.loads(answer.result("http://x.test/", 1.0, 1000))["body"] == base64.b64encode(body).decode()


@pytest.mark.parametrize("bomb", ["gzip", "gzip/chunked", "deflate", "deflate/chunked", "gzip+gzip"])
def test_the_limit_counts_decoded_bytes(call, bomb):
    outcome = call(f"/bomb/{bomb}")
    assert len(base64.b64decode(result(outcome)["body"])) == 256 * 1024
    assert result(outcome)["body_truncated"] is True
    assert outcome.usage.peak_memory_bytes < 100 << 20


def test_gzip_of_several_members_is_read(call):
    assert result(call("/gzip"))["body"] == "hello world"


@pytest.mark.parametrize("kind", ["zlib", "raw"])
def test_deflate_is_read_in_both_its_forms(call, kind):
    assert result(call(f"/deflate/{kind}"))["body"] == "hello world"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_empty_body_may_be_called_gzip(call, method):
    assert result(call("/empty-gzip", method=method))["body"] == ""


def test_only_encodings_that_are_read_are_asked_for(call, server):
    call("/echo")
    assert server.requests[0]["headers"]["Accept-Encoding"] == "gzip, deflate"


def test_an_encoding_that_nobody_asked_for_is_handed_on(call):
    answer = result(call("/brotli"))
    assert (answer["body_encoding"], answer["headers"]["Content-Encoding"]) == ("base64", "br")


def test_headers_of_one_name_are_joined(call):
    assert result(call("/raw/twice"))["headers"]["Vary"] == "a, b"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/bad-gzip", "is no gzip"),
        ("/short", "ended 7 bytes early"),
        ("/hang-up", "closed the connection without an answer"),
        ("/early-hints", "103, which is no final status"),
        ("/raw/nonsense", "breaks the rules of HTTP"),
        ("/raw/many", "got more than 100 headers"),
        ("/raw/long", "breaks the rules of HTTP"),
        ("/raw/large", "larger than 65536 bytes"),
        ("/raw/chunk", "ended early"),
        ("/raw/cut", "ended prematurely"),
        ("/raw/longer", "-3 more expected"),
        ("/raw/negative", "read length must be non-negative"),
        ("/raw/lengths", "multiple unmatching values"),
    ],
)
def test_a_broken_answer_is_a_clear_failure(call, path, words):
    reason, error = failure(call(path))
    assert reason is FailureReason.REQUEST_FAILED
    assert words in error
    assert error.isprintable()


@pytest.mark.parametrize("path", ["/silence", "/drip", "/continue"])
def test_the_timeout_holds_for_the_call_as_a_whole(call, path):
    started = time.monotonic()
    assert failure(call(path, timeout=0.5)) == (
        FailureReason.TIMEOUT,
        "The run ran longer than its timeout of 0.5 s.",
    )
    assert time.monotonic() - started < 20


def test_a_call_can_be_stopped(http_executor, server):
    run = http_executor.start(
        HttpAction(url=server.url + "/silence"), attempt=ATTEMPT, timeout=30, log=lambda _text: None
    )
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run.wait()))
    thread.start()
    run.stop()
    thread.join(60)
    assert [outcome.status for outcome in outcomes] == [ExecutionStatus.REVOKED]
    assert outcomes[0].error == ""


def test_a_port_where_nobody_listens_is_said_without_internals(call):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert failure(call(f"http://127.0.0.1:{port}/")) == (
            FailureReason.REQUEST_FAILED,
            f"Could not connect to 127.0.0.1 port {port}: Connection refused.",
        )


def test_a_server_without_tls_is_said(call, server):
    reason, error = failure(call(server.url.replace("http:", "https:") + "/echo"))
    assert reason is FailureReason.REQUEST_FAILED
    assert error.startswith("No TLS connection to 127.0.0.1")


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_redirects_are_followed_as_http_says(call, server, status, method, becomes):
    body = {"data": {"a": 1}, "has_data": True} if method != "HEAD" else {}
    outcome = call(f"/redirect/{status}/echo", method=method, headers={"Authorization": "secret"}, **body)

    assert result(outcome)["url"] == server.url + "/echo"
    last = server.requests[-1]
    assert (last["method"], last["headers"]["Authorization"]) == (becomes, "secret")
    assert bool(last["body"]) == (becomes in ("POST", "PUT"))
    assert ("Content-Type" in last["headers"]) == bool(last["body"])


def test_a_redirect_that_is_expected_is_the_answer(call, server):
    outcome = call("/redirect/302/echo", expected_status=(302,))
    assert result(outcome)["headers"]["Location"] == "/echo"
    assert len(server.requests) == 1


def test_the_body_of_a_redirect_is_read_no_further_than_any_other(call):
    outcome = call("/flooding-redirect")
    assert result(outcome)["status"] == 200
    assert outcome.usage.peak_memory_bytes < 100 << 20


def test_cookies_of_a_server_are_not_sent_back(call, server):
    call("/cookie")
    assert [request["path"] for request in server.requests] == ["/cookie", "/echo"]
    assert "Cookie" not in server.requests[1]["headers"]


def test_five_redirects_are_enough(call, server):
    assert failure(call("/loop")) == (
        FailureReason.REQUEST_FAILED,
        "The call was redirected more than 5 times.",
    )
    assert len(server.requests) == 6


def test_nothing_of_the_owner_goes_to_another_origin(call, server, other_server):
    headers = {"Authorization": "secret", "Cookie": "secret", "X-Api-Key": "secret", "X-Own": "secret"}
    call(f"/redirect/302/{other_server.url}/echo", headers=headers)
    assert "secret" not in json.dumps(other_server.requests)
    assert len(other_server.requests) == 1


def test_every_attempt_says_which_it_is(call, server):
    for number in (1, 2):
        call("/redirect/302/echo", attempt=AttemptId("e-7", number), method="POST")
    said = [(request["headers"]["Idempotency-Key"], request["headers"]["X-Attempt"]) for request in server.requests]
    assert said == [("e-7", "1")] * 2 + [("e-7", "2")] * 2


def test_an_idempotency_key_of_the_owners_own_wins(call, server):
    call("/echo", headers={"idempotency-key": "order-5"})
    keys = {name: value for name, value in server.requests[0]["headers"].items() if name.lower() == "idempotency-key"}
    assert keys == {"idempotency-key": "order-5"}
    assert server.requests[0]["headers"]["X-Attempt"] == "1"


def test_another_origin_is_not_told_which_attempt_it_is(call, server, other_server):
    call(f"/redirect/302/{other_server.url}/echo")
    assert not {"Idempotency-Key", "X-Attempt"} & set(other_server.requests[0]["headers"])


def test_a_body_is_not_carried_to_another_origin(call, other_server):
    reason, error = failure(call(f"/redirect/307/{other_server.url}/echo", method="POST", data=1, has_data=True))
    assert reason is FailureReason.EGRESS_DENIED
    assert "would send the body" in error
    assert other_server.requests == []


@pytest.mark.parametrize(
    "location", ["ftp://x.test/", "file:///etc/passwd", "http://u:p@127.0.0.1/", "gopher://x/", "http://["]
)
def test_redirects_elsewhere_are_denied(call, location):
    assert failure(call(f"/redirect/302/{location}"))[0] is FailureReason.EGRESS_DENIED


def test_by_default_nothing_on_this_machine_can_be_called(server):
    executor = HttpExecutor()
    for url in (server.url, f"http://localhost:{server.port}", "http://127.0.0.1/", "http://[::1]/", "http://0x7f.1/"):
        outcome = executor.start(HttpAction(url=url), attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait()
        assert failure(outcome)[0] is FailureReason.EGRESS_DENIED
    executor.close()
    assert server.requests == []


def test_a_redirect_is_judged_like_the_first_url(server):
    executor = HttpExecutor(egress=EgressPolicy(allow_networks=(f"127.0.0.1/32={server.port}",)))
    for location in ("http://127.0.0.2/", "http://127.0.0.1:1/", "http://169.254.169.254/"):
        action = HttpAction(url=f"{server.url}/redirect/302/{location}")
        reason, error = failure(executor.start(action, attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait())
        assert reason is FailureReason.EGRESS_DENIED, error
    executor.close()


def test_proxies_and_netrc_of_the_worker_are_ignored(server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login worker password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    executor = HttpExecutor(egress=EgressPolicy(allow_networks=("127.0.0.0/8=*",)))
    outcome = executor.start(
        HttpAction(url=server.url + "/echo"), attempt=ATTEMPT, timeout=20, log=lambda _text: None
    ).wait()
    executor.close()

    assert outcome.status is ExecutionStatus.SUCCESS
    assert "Authorization" not in server.requests[0]["headers"]


def test_a_bad_request_that_was_stored_all_the_same_is_refused(call, server):
    assert failure(call("/echo", headers={"Host": "x"}))[0] is FailureReason.REQUEST_FAILED
    assert failure(call("ftp://127.0.0.1/"))[0] is FailureReason.EGRESS_DENIED
    assert failure(call("/echo", method="TRACE"))[0] is FailureReason.REQUEST_FAILED
    assert server.requests == []


def test_the_receipt_and_the_usage_are_there(call):
    outcome = call("/echo")
    assert outcome.isolation.level.startswith("strict")
    assert outcome.isolation.limits.open_files == 32
    assert "rlimits" in outcome.isolation.layers
    assert outcome.usage.peak_memory_bytes > 4 << 20


def test_nothing_is_started_before_the_first_call(server):
    executor = HttpExecutor(egress=EgressPolicy(allow_networks=("127.0.0.0/8=*",)))
    assert executor._supervisor.zygote_pid is None
    executor.start(HttpAction(url=server.url), attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait()
    assert executor._supervisor.zygote_pid is not None
    executor.close()
    assert executor._supervisor.zygote_pid is None


def test_a_fault_of_the_runner_is_logged_and_told_without_internals(http_executor, server, caplog):
    action = HttpAction(url=server.url, headers=["not a mapping"])
    outcome = http_executor.start(action, attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait()
    assert failure(outcome)[0] is FailureReason.CRASHED
    assert "AttributeError" in caplog.text
    assert "AttributeError" not in outcome.error
