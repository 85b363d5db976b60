"""Each parser of ours, given anything: an answer or its own refusal, and nothing else ever."""

from __future__ import annotations

import contextlib
import json
import os
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf import message_factory
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.fuzz import nasty
from tests.fuzz.messages import random_message
from tests.fuzz.tasks import put_task

from task_server.api.services import SERVICES
from task_server.api.validation.filter import check_filter
from task_server.api.validation.listing import PageTokens, check_date
from task_server.api.validation.mask_path import PathError, read_path
from task_server.api.validation.order import check_order
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.api.watch_stream import WatchTokens
from task_server.auth.credentials import Credentials
from task_server.domain import cron
from task_server.domain.clock_pattern import CronError
from task_server.domain.cron_words import describe
from task_server.domain.errors import InvalidCredentials, InvalidFields, InvalidPageToken, InvalidWatchToken
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.owner import Caller, Owner, Role
from task_server.executors.request_rules import BadUrl, check_headers, parse_url
from task_server.executors.retry_after import retry_after
from task_server.gateway.errors import GatewayError
from task_server.gateway.metadata import request_metadata, request_timeout
from task_server.gateway.path_template import InvalidTemplateError, parse
from task_server.gateway.router import Match
from task_server.gateway.routes import load_routes
from task_server.gateway.transcode import Transcoder
from task_server.sandbox.frames import MAX_LOG_FRAME, BrokenFrame, FrameReader, ResultTooLarge
from task_server.sandbox.limits import Limits
from task_server.sandbox.witness import TooMuchOutput, Witness
from task_server.tracking.event import seen_in
from task_server.tracking.plain_pickle import read_pickle
from task_server.tracking.result import seen_of
from task_server.tracking.untrusted_json import UnreadableError, read_json

#: `make fuzz` asks for more.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

#: Any text, half surrogates included, and what parsers have been broken with.
TEXT = (
    st.sampled_from(nasty.TEXTS)
    | st.text(st.characters(), max_size=40)
    | st.text(st.characters(categories=["Cs", "Cc", "Nd"]))
)
#: What stands in a result backend's record of a run.
RECORD = ["status", "result", "date_done", "traceback", "retries", "name", "args", "kwargs"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
ROUTES = load_routes()
TRANSCODER = Transcoder(proto_field_names=True, reject_unknown_fields=True)
CALLER = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t")
HEADERS = st.sampled_from(["grpc-timeout", "x-forwarded-for", "grpc-metadata-a-bin", "authorization", "x-request-id"])
FRAMES = st.sampled_from([b"L\0\0\0\x01a", b"R\0\0\0\x02{}", b"F\0\0\0\x02{}", b"H\0\0\0\x02[]"])
FILTER_PARTS = st.sampled_from(
    [
        "AND",
        "OR",
        "NOT",
        "-",
        "(",
        ")",
        "=",
        ":",
        "<=",
        '"',
        "\\",
        "*",
        ".",
        "status",
        "metadata.a",
        "1e999",
        "2026-01-31",
        "(" * 30,
    ]
)
KEY = b"k" * 32
NOW = 1_800_000_000_000_000


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body for some route: JSON of any shape, of its fields with any values, or bytes."""
    route = draw(st.sampled_from(ROUTES))
    names = st.sampled_from(
        [field.name for field in route.request.DESCRIPTOR.fields] + ["name", "task_args", "metadata"]
    )
    value = draw(JSON | st.dictionaries(names | TEXT, JSON, max_size=6))
    is_ascii = draw(st.booleans())
    data = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    return draw(st.just(data) | st.binary(max_size=50))


@MANY
@given(st.sampled_from(ROUTES), bodies(), st.lists(st.tuples(TEXT, TEXT), max_size=3), TEXT)
@example(next(route for route in ROUTES if route.rpc.endswith("/StopTasks")), b'{"status": "SCH\xb0DULED"}', [], "x")
def test_the_gateway_reads_any_request_or_refuses_it(
    route: Any, body: bytes, pairs: list[tuple[str, str]], value: str
) -> None:
    query = "&".join(f"{key}={text}" for key, text in pairs).encode("utf-8", "surrogatepass").decode("latin-1")
    values = {variable.field_path: value for variable in route.template.variables}
    try:
        message = TRANSCODER.request(Match(route, values), query, body)
    except GatewayError:
        return
    TRANSCODER.response(route, route.response())
    message.SerializeToString()


@MANY
@given(TEXT | st.text("/{}=*:.abc%", max_size=30))
def test_a_path_template_is_read_or_refused(text: str) -> None:
    try:
        template = parse(text)
    except InvalidTemplateError:
        return
    template.match(["a", "", "b"])


@MANY
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=30))))
def test_headers_become_metadata_or_are_refused(headers: list[tuple[str, bytes]]) -> None:
    raw = [(name.encode(), value) for name, value in headers]
    try:
        request_timeout(raw)
        request_metadata(raw, "127.0.0.1", ["x-request-id"], None)
    except GatewayError:
        return


@MANY
@given(
    TEXT | st.text("0123456789*/-,L#W? @mondayjust", max_size=40), TEXT | st.sampled_from(["UTC", "Europe/Berlin", ""])
)
def test_a_cron_expression_fires_or_is_refused(expression: str, zone: str) -> None:
    try:
        fires = cron.next_fire(expression[:500], zone[:200], NOW)
    except CronError:
        return
    assert fires is None or fires > NOW
    describe(expression[:500])


@MANY
@given(TEXT | st.from_regex(r"[A-Za-z0-9_=-]{0,80}", fullmatch=True))
def test_a_token_that_we_did_not_make_is_refused(token: str) -> None:
    for kind in (method.input_type for service in SERVICES for method in service.methods):
        request = message_factory.GetMessageClass(kind)()
        if token and "page_token" in request.DESCRIPTOR.fields_by_name:
            with pytest.raises(InvalidPageToken):
                PageTokens(KEY).last_id(request, token, CALLER)
    with pytest.raises(InvalidWatchToken):
        WatchTokens(KEY).position(token)
    with pytest.raises(InvalidCredentials):
        Credentials.of([f"Bearer {token}"] * 2)


@MANY
@given(TEXT | st.text("0123456789-:TZ+. ", max_size=30))
def test_a_date_is_read_or_is_a_violation(text: str) -> None:
    violations = Violations()
    found = check_date("start_date", text, ZoneInfo("UTC"), violations, is_end=True)
    if text and found is None:
        with pytest.raises(InvalidFields):
            violations.raise_any()


@MANY
@given(TEXT | st.lists(FILTER_PARTS | TEXT, max_size=40).map(" ".join))
def test_a_filter_is_checked_or_is_a_violation(text: str) -> None:
    violations = Violations()
    if check_filter(text, EXECUTION_FIELDS, ZoneInfo("Europe/Berlin"), violations) is not None:
        violations.raise_any()


@MANY
@given(TEXT | st.text("status,idec ", max_size=30))
def test_an_order_is_read_or_is_a_violation(text: str) -> None:
    assert check_order(text, Violations())


@MANY
@given(TEXT | st.text("ab.`", max_size=20))
def test_a_mask_path_is_read_or_refused(path: str) -> None:
    try:
        names = read_path(path)
    except PathError:
        return
    assert all(names)


@MANY
@given(st.integers(0, 2**63))
def test_any_task_is_valid_or_has_violations(seed: int) -> None:
    source = random.Random(seed)
    validator = TaskValidator(lambda _source, _name: [], lambda patterns: [None] * len(patterns), 300.0, 3600.0)
    for service in SERVICES:
        for method in service.methods:
            if method.name not in ("CreateTask", "UpdateTask"):
                continue
            request: Any = random_message(method.input_type, source, [])
            put_task(request, source, [])
            violations = Violations()
            try:
                task = request.task
                if method.name == "UpdateTask":
                    request.update_mask.paths.extend(nasty.text(source) for _ in range(source.randrange(3)))
                    task = merged(random_message(task.DESCRIPTOR, source, []), request, violations)
                validator.validate(task, NOW, violations)
            except InvalidFields as error:
                assert error.violations


@MANY
@given(
    TEXT | st.from_regex(r"https?://[a-z0-9.:@%\[\]/?#\\-]{0,40}", fullmatch=True),
    st.dictionaries(TEXT, TEXT, max_size=3),
)
def test_a_url_and_headers_are_read_or_refused(url: str, headers: dict[str, str]) -> None:
    try:
        target = parse_url(url)
    except BadUrl:
        pass
    else:
        assert target.scheme in ("http", "https")
        assert 0 < target.port < 65_536
        assert target.path.isascii()
        assert not any(character in target.path for character in " \r\n\t\0")
    if check_headers(headers) is None:
        assert all(
            "\r" not in text and "\n" not in text and "\0" not in text for pair in headers.items() for text in pair
        )


@MANY
@given(st.dictionaries(st.sampled_from(["Retry-After", "Date"]) | TEXT, JSON))
def test_retry_after_is_a_wait_or_nothing(headers: dict[str, Any]) -> None:
    wait = retry_after(headers, datetime.now(UTC))
    assert wait is None or 0 <= wait <= 86_400


@MANY
@given(
    st.lists(
        st.binary(max_size=60) | FRAMES,
        max_size=12,
    )
)
def test_frames_of_a_child_are_read_or_break_the_run(chunks: list[bytes]) -> None:
    reader = FrameReader(max_result=1_000)
    try:
        for chunk in chunks:
            for _, payload in reader.feed(chunk):
                assert len(payload) <= max(MAX_LOG_FRAME, 131_072)
    except (BrokenFrame, ResultTooLarge):
        pass
    witness = Witness(Limits(wall_seconds=1.0, output_bytes=100, result_bytes=1_000), lambda _text: None)
    try:
        for chunk in chunks:
            witness.hear(chunk)
    except (BrokenFrame, ResultTooLarge, TooMuchOutput):
        pass


@MANY
@given(
    JSON | st.dictionaries(st.sampled_from(["type", "uuid", "name", "args", "retries", "timestamp", "exception"]), JSON)
)
def test_an_event_of_another_app_says_something_or_nothing(event: Any) -> None:
    for each in (event, {"type": "task-failed", "uuid": "u"} | event if isinstance(event, dict) else event):
        seen = seen_in(each)
        assert seen is None or seen.task_id.isprintable()


@MANY
@given(st.dictionaries(st.sampled_from(RECORD), JSON), st.binary())
def test_a_record_of_a_result_backend_says_something_or_nothing(meta: dict[str, Any], data: bytes) -> None:
    for each in (meta, {"status": "SUCCESS"} | meta, {"status": "FAILURE"} | meta):
        seen = seen_of("x", each)
        if seen is None:
            continue
        if seen.observation.result_json is not None:
            json.loads(seen.observation.result_json)
        for said in (seen.task_name, *seen.arguments.values()):
            assert len(said.encode()) <= 4000
    for read in (read_json, read_pickle):
        with contextlib.suppress(UnreadableError):
            read(data)
