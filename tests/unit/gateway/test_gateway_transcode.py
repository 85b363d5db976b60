from typing import Any

import pytest
from gateway_schema import ODD, Everything
from google.api import httpbody_pb2

from task_server.gateway.errors import GatewayError
from task_server.gateway.router import Match, Router
from task_server.gateway.routes import routes_of
from task_server.gateway.transcode import Transcoder

ROUTES = routes_of([ODD])
ROUTER = Router(ROUTES)
TRANSCODER = Transcoder(proto_field_names=True, reject_unknown_fields=True)


def match(method: str, path: str) -> Match:
    found = ROUTER.match(method, path)
    assert found is not None
    return found


def test_the_parts_of_a_request_come_together() -> None:
    request = TRANSCODER.request(match("POST", "/v1/things/7:stop"), "int32_value=1&inner.x=2", b'{"string_value":"b"}')

    assert request == Everything(string_value="things/7", int32_value=1, inner={"string_value": "b"})


def test_path_values_are_typed() -> None:
    request = TRANSCODER.request(match("GET", "/v1/typed/-5/RED/1970-01-01T00:00:01Z/a,b"), "", b"")

    assert request == Everything(int32_value=-5, colour=3, timestamp={"seconds": 1}, string_list=["a", "b"])


def test_wrong_path_values_are_named_together() -> None:
    with pytest.raises(GatewayError) as caught:
        TRANSCODER.request(match("GET", "/v1/typed/x/BLUE/now/a"), "", b"")

    assert [part.partition(":")[0] for part in str(caught.value).split("; ")] == ["int32_value", "colour", "timestamp"]


def test_an_http_body_is_passed_on_as_it_is() -> None:
    route = match("GET", "/v1/files/a/b/raw").route
    raw = httpbody_pb2.HttpBody(content_type="text/csv", data=b"a,b\n\xff")

    assert TRANSCODER.response(route, raw) == ("text/csv", b"a,b\n\xff")
    assert TRANSCODER.result_line(route, raw) == ("text/csv", b"a,b\n\xff\n")


def test_a_response_body_is_one_field() -> None:
    route = match("GET", "/v1/part").route

    assert TRANSCODER.response(route, Everything())[1] == b"null"
    assert b'"string_value":"x"' in TRANSCODER.response(route, Everything(inner={"string_value": "x"}))[1]


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("", True),
        ("ignore_unknown=true", False),
        ("ignore_unknown=1", False),
        ("ignore_unknown=false", True),
        ("ignore_unknown=perhaps", True),
    ],
)
def test_unknown_fields_are_refused_unless_the_query_says_otherwise(query: str, refused: bool) -> None:
    def send() -> Any:
        return TRANSCODER.request(match("POST", "/v1/things/7:stop"), query, b'{"delay_second":1}')

    if refused:
        with pytest.raises(GatewayError, match=r"inner\.delay_second: unknown field") as caught:
            send()
        assert [detail.type_url.rpartition(".")[2] for detail in caught.value.status.details] == [
            "ErrorInfo",
            "BadRequest",
        ]
    else:
        assert send().inner == Everything()
