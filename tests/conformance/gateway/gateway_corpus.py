"""The corpus: requests, one a line, with what our gateway answers by default.

An entry has `name`, `method`, `path`, and where needed `headers`, `body` (its text) or `body_bytes` (a JSON body of that length).
`expect` has `status`, the `headers` that matter, the `body` as parsed JSON or the `lines` of a stream, and what reached the server:
`received`, the request message, and `metadata`.

`differs` names the deliberate differences that show in the answer: the five of GatewayOptions, and those that no option turns off:
- `literal_wins`: literal path segments win over variables; in the official gateway the RPC declared last wins.
- `malformed_escape`: Go's HTTP server refuses such a path itself, in plain text.
- `unprintable_stream_error`: the official gateway ends a stream without a word if the error's details have no JSON form.

`own_error` marks errors that the gateway itself makes. There ours names the fields; the official gateway's text is protobuf-go's,
which changes on purpose from build to build. Status and code are the same.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gateway_world import Answer, ask

Entry = dict[str, Any]

CORPUS: list[Entry] = [
    json.loads(line) for line in (Path(__file__).parent / "corpus.jsonl").read_text("utf-8").splitlines()
]

OPTIONAL_DIFFERENCES = {
    "proto_field_names",
    "trailing_slash",
    "forwarded_headers",
    "method_not_allowed",
    "reject_unknown_fields",
}

_MADE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEADERS = re.compile(r"content-type|www-authenticate|allow|x-request-id|trailer|grpc-.*")
# Of the connection between gateway and server; only grpc-go shows them.
_TRANSPORT = {"grpc-metadata-content-type", "grpc-metadata-grpc-accept-encoding", "grpc-metadata-accept-encoding"}


def send(port: int, entry: Entry) -> Answer:
    """Sends the request of an entry."""
    body = None
    if "body_bytes" in entry:
        body = b'{"name":"' + b"x" * (entry["body_bytes"] - 11) + b'"}'
    elif "body" in entry:
        body = entry["body"].encode("utf-8")
    headers = [(name, value) for name, value in entry.get("headers", [])]
    return ask(port, entry["method"], entry["path"], headers, body)


def described(answer: Answer) -> dict[str, Any]:
    """What matters of an answer, in the form of `expect`. Request ids that the gateway made are left out."""
    headers = {
        # Where a response has no JSON form the official gateway sends the metadata twice.
        name: ", ".join(dict.fromkeys(values))
        for name, values in answer.headers.items()
        if _HEADERS.fullmatch(name) and name not in _TRANSPORT and not _MADE_ID.fullmatch(values[0])
    }
    shown: dict[str, Any] = {"status": answer.status}
    received = headers.pop("grpc-metadata-x-received", None)
    metadata = headers.pop("grpc-metadata-x-metadata", None)
    shown["headers"] = headers
    if received is not None:
        shown["received"] = json.loads(received)
    if metadata is not None:
        shown["metadata"] = [pair for pair in json.loads(metadata) if not _MADE_ID.fullmatch(pair[1])]
    if "json" not in headers.get("content-type", ""):
        shown["body"] = answer.body.decode()
    elif answer.body.startswith((b'{"result":', b'{"error":')):
        shown["lines"] = answer.lines
    elif answer.body:
        shown["body"] = answer.json
    return shown
