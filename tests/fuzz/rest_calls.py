"""Random HTTP requests for every route of the gateway, and for what is nearly one."""

from __future__ import annotations

import http.client
import json
import random
from urllib.parse import quote, urlencode

from google.protobuf import json_format
from tests.fuzz import nasty
from tests.fuzz.finding import CALL_SECONDS, Finding
from tests.fuzz.messages import random_message
from tests.fuzz.tasks import put_task

from task_server.gateway.routes import Route

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")
_ODD_BODIES = (
    *(b"", b"{", b"[]", b"null", b"0", b'"', b"\xff\xfe", b"{}{}", b"{} trailing", b'{"a":' * 500, b"[" * 5_000),
    *(
        b'{"name":"a","name":"b"}',
        b'{"task_args":[1e999]}',
        b'{"name":"\\ud800"}',
        b'{"delay_seconds":"NaN"}',
        b"\x00" * 50,
    ),
)
_ODD_HEADERS = (
    *(("Content-Type", "text/plain"), ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "text/html")),
    *(("Grpc-Timeout", "1n"), ("Grpc-Timeout", "99999999999H"), ("Grpc-Timeout", "x"), ("Grpc-Metadata-A-Bin", "%%%")),
    *(
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Forwarded-For", "a, b, " * 200),
        ("X-Request-Id", "é\t"),
        ("TE", "trailers"),
    ),
    *(("If-Match", "*"), ("Expect", "100-continue"), ("Cookie", "a=" + "b" * 3_000)),
)


class RestCaller:
    """Sends requests to one gateway.

    Parameters:
        tokens: valid ones; most requests have one of them.
    """

    def __init__(self, address: str, routes: list[Route], tokens: list[str], source: random.Random) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._routes = routes
        self._tokens = tokens
        self._source = source
        self.ids: list[str] = []

    def call(self) -> tuple[str, Finding | None]:
        """Send one request; give the status of its answer, and what is wrong with it."""
        route = self._source.choice(self._routes)
        method = route.http_method if self._source.random() < 0.92 else self._source.choice(_METHODS)
        request = random_message(route.request.DESCRIPTOR, self._source, self.ids)
        put_task(request, self._source, self.ids)
        path, body, headers = self._path(route), self._body(route, request), self._headers()
        sent = f"{method} {path} {headers} {body!r}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=CALL_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            # Streams go on: what comes first is enough.
            text = b"" if route.streaming else answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            return "BROKEN", Finding("rest", f"{method} {path}", sent, f"no answer: {error!r}")
        finally:
            connection.close()
        if status == 500 or status < 200 or b"Traceback" in text:
            return str(status), Finding("rest", f"{method} {path}", sent, f"{status}: {text[:1_000]!r}")
        return str(status), None

    def _path(self, route: Route) -> str:
        parts = [self._segment(part) for part in route.template.text.strip("/").split("/")]
        path = "/" + "/".join(parts) + self._source.choice(("", "", "/", "//", ":stop"))
        keys = [field.name for field in route.request.DESCRIPTOR.fields] + [
            "task.name",
            "a[b]",
            "",
            "x" * 200,
            "update_mask",
        ]
        if self._source.random() < 0.5:
            pairs = [(self._source.choice(keys), nasty.text(self._source)) for _ in range(self._source.randrange(1, 4))]
            path += "?" + urlencode(pairs)
        return path

    def _segment(self, part: str) -> str:
        if not part.startswith("{"):
            return part
        if self.ids and self._source.random() < 0.6:
            return self._source.choice(self.ids)
        return quote(nasty.text(self._source)[:300], safe="%:") or "x"

    def _body(self, route: Route, request: object) -> bytes | None:
        if route.body is None:
            return None if self._source.random() < 0.9 else self._source.choice(_ODD_BODIES)
        if self._source.random() < 0.15:
            return self._source.choice(_ODD_BODIES)
        said = request if route.body == "*" else getattr(request, route.body)
        try:
            text = json_format.MessageToJson(said, preserving_proto_field_name=True)
        except (ValueError, TypeError, json_format.Error):
            # A Value without a kind, a time out of range: no JSON can say that.
            return self._source.choice(_ODD_BODIES)
        data = bytearray(text.encode())
        if self._source.random() < 0.1:
            data[self._source.randrange(len(data))] = self._source.randrange(256)
        return bytes(data) if self._source.random() < 0.95 else json.dumps([json.loads(text)]).encode()

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self._source.random() < 0.85:
            headers["Authorization"] = f"Bearer {self._source.choice(self._tokens)}"
        if self._source.random() < 0.3:
            name, value = self._source.choice(_ODD_HEADERS)
            headers[name] = value.encode().decode("latin-1")
        return headers
