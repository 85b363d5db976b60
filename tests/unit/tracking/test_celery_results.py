"""What a result backend's record says of a run, however hostile it is."""

from __future__ import annotations

import json
import os
import pickle
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import micros
from task_server.domain.observation import Source
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.tracking.event import seen_in
from task_server.tracking.plain_pickle import read_pickle
from task_server.tracking.redaction import redacted
from task_server.tracking.result import LeftOut, observation_of
from task_server.tracking.untrusted_json import UnreadableError, read_json

DONE = "2026-03-01T12:00:00.5+00:00"
DONE_AT = micros(datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))
JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=20,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_a_success() -> None:
    seen = observation_of(
        {"status": "SUCCESS", "result": {"a": [1, "é"]}, "date_done": DONE, "retries": 2, "worker": "w@h", "queue": "q"}
    )
    assert seen is not None
    assert (seen.status, seen.source, seen.occurred_at) == (ExecutionStatus.SUCCESS, Source.RESULT_BACKEND, DONE_AT)
    assert (seen.result_json, seen.retries, seen.worker, seen.queue) == ('{"a":[1,"é"]}', 2, "w@h", "q")


def test_a_failure_is_the_texts_that_it_is() -> None:
    meta = {"exc_type": "system", "exc_module": "os", "exc_message": ["touch /tmp/owned", 7]}
    seen = observation_of({"status": "FAILURE", "result": meta, "traceback": "Traceback ...", "date_done": DONE})
    assert seen is not None
    assert (seen.status, seen.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.EXCEPTION)
    assert (seen.error, seen.traceback, seen.result_json) == ("system: touch /tmp/owned, 7", "Traceback ...", None)


def test_errors_and_tracebacks_tell_no_secrets() -> None:
    failed = {"exc_type": "E", "exc_message": ["can not reach redis://u:hunter2@h with token=hunter2"]}
    told = {"type": "task-failed", "uuid": "c-1", "exception": "E('redis://u:hunter2@h')"}
    seen = seen_in(told | {"traceback": "login(password='hunter2')"})
    meta = observation_of({"status": "FAILURE", "result": failed, "traceback": "login(password='hunter2')"})
    assert seen is not None and meta is not None
    assert seen.observation.error == "E('redis://u:***@h')"
    assert meta.error == "E: can not reach redis://u:***@h with token='***'"
    assert seen.observation.traceback == meta.traceback == "login(password='***')"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("RECEIVED", ExecutionStatus.PENDING),
        ("STARTED", ExecutionStatus.STARTED),
        ("RETRY", ExecutionStatus.RETRY),
        ("REVOKED", ExecutionStatus.REVOKED),
        ("PROGRESS", ExecutionStatus.STARTED),
        ("IGNORED", ExecutionStatus.STARTED),
        ("REJECTED", ExecutionStatus.STARTED),
    ],
)
def test_other_words(word: str, status: ExecutionStatus) -> None:
    seen = observation_of({"status": word, "result": {"done": 3}, "date_done": None})
    assert seen is not None
    assert seen.status is status
    own = word in ("PROGRESS", "IGNORED", "REJECTED")
    assert seen.metadata == ({"celery_state": word} if own else {})


@pytest.mark.parametrize("meta", [None, 7, [], "SUCCESS", {}, {"status": None}, {"status": "PENDING"}, {"status": 3}])
def test_what_says_nothing(meta: Any) -> None:
    assert observation_of(meta) is None


@pytest.mark.parametrize(
    "date",
    ["2026-03-01T12:00:00.5", "2026-03-01T13:00:00.5+01:00", datetime(2026, 3, 1, 12, 0, 0, 500_000)],  # noqa: DTZ001
)
def test_times_without_a_zone_are_utc(date: Any) -> None:
    seen = observation_of({"status": "SUCCESS", "date_done": date})
    assert seen is not None
    assert seen.occurred_at == DONE_AT


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ("x" * MAX_RESULT_BYTES, "it is larger than 1,048,576 bytes"),
        (float("nan"), "the number nan"),
        ("\ud800", "half of a surrogate pair"),
        (LeftOut("it is no JSON"), "it is no JSON"),
    ],
)
def test_a_result_that_can_not_be_kept_is_left_out_and_the_status_is_not(result: Any, why: str) -> None:
    seen = observation_of({"status": "SUCCESS", "result": result})
    assert seen is not None
    assert seen.status is ExecutionStatus.SUCCESS
    assert seen.result_json is None
    assert why in seen.metadata["result_left_out"]


@unhurried
@given(
    strategies.dictionaries(
        strategies.sampled_from(["status", "result", "date_done", "traceback", "retries", "worker", "queue"]),
        JSON | strategies.sampled_from(["SUCCESS", "FAILURE", "RETRY", "0001-01-01T00:00:00+14:00"]),
    )
)
def test_nothing_that_a_backend_holds_breaks_the_reader(meta: dict[str, Any]) -> None:
    seen = observation_of(meta)
    if seen is not None:
        # A database takes all of it.
        "".join((seen.error, seen.traceback, seen.worker, seen.queue, json.dumps(seen.metadata))).encode()
        assert "\0" not in seen.error + seen.traceback + seen.worker + seen.queue
        json.loads((seen.result_json or "null").encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"\x80\x04."])
def test_what_is_no_json_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="it is"):
        read_json(data)


@unhurried
@given(JSON)
def test_pickles_of_plain_values_are_read(value: Any) -> None:
    for protocol in (2, 4, 5):
        assert repr(read_pickle(pickle.dumps(value, protocol))) == repr(value)


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/owned",)


@pytest.mark.parametrize("value", [Evil(), {"a": Evil()}, datetime(2026, 1, 1, tzinfo=UTC), ValueError("x"), {1, 2}])
def test_pickles_of_more_than_plain_values_are_not_read(value: Any) -> None:
    with pytest.raises(UnreadableError, match="more than plain values"):
        read_pickle(pickle.dumps(value))


@pytest.mark.parametrize(
    "key",
    [b")" + b"\x85" * 1_000_000, b")\x94" + b"".join(b"h%c\x86\x94" % n for n in range(60)), b"\x88\x85"],
    ids=range(3),
)
def test_what_no_json_has_for_a_key_is_not_hashed(key: bytes) -> None:
    # Tuples in tuples: deeper than the processor's stack, with more leaves than can be counted, and a plain one.
    with pytest.raises(UnreadableError):
        read_pickle(b"\x80\x04}" + key + b"Ns.")


@unhurried
@given(strategies.binary(max_size=64))
def test_damaged_pickles_break_nothing(data: bytes) -> None:
    for head in (b"\x80\x02", b"\x80\x04]\x94(", b"\x80\x04}\x94"):
        try:
            read_pickle(head + data)
        except UnreadableError as error:
            assert re.search("damaged|more than plain", str(error))


def test_a_small_pickle_that_unfolds_without_end_is_left_out() -> None:
    value: Any = ["x" * 100]
    for _ in range(25):
        value = [value, value]
    seen = observation_of({"status": "SUCCESS", "result": read_pickle(pickle.dumps(value))})
    assert seen is not None
    assert seen.metadata == {"result_left_out": "it is larger than 1,048,576 bytes"}
    failed = observation_of(
        {"status": "FAILURE", "result": {"exc_type": "E", "exc_message": read_pickle(pickle.dumps(value))}}
    )
    assert failed is not None
    assert failed.error == "E: (what it says is too large or no JSON)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect(password='hunter2', user='ann')", "connect(password='***', user='ann')"),
        ("{'api_key': \"abc\", 'n': 1}", "{'api_key': '***', 'n': 1}"),
        ("(1, {'db_passwd': 'a\\'b'})", "(1, {'db_passwd': '***'})"),
        ("Authorization: Bearer", "Authorization: '***'"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer '***'"),
        ("{'pwd': b'x', 'X-Api-Key': 'y', 'sessionid': 'z'}", "{'pwd': '***', 'X-Api-Key': '***', 'sessionid': '***'}"),
        (r"""'{\"password\": \"hunter2\", \"n\": 1}'""", r"""'{\"password\": '***', \"n\": 1}'"""),
        ("redis://:pw@host/0 and amqp://u:p%20w@h//", "redis://:***@host/0 and amqp://u:***@h//"),
        ("nothing of that kind", "nothing of that kind"),
    ],
)
def test_redaction(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    ["a" * 9_000, "token" * 1_800, "token-" * 1_500, "token=\\'" * 1_000, "pwd: '" + "\\" * 9_000, "://a:" * 1_800],
    ids=range(6),
)
def test_no_text_takes_long_to_redact(text: str) -> None:
    began = time.process_time()
    redacted(text)
    assert time.process_time() - began < 0.1
