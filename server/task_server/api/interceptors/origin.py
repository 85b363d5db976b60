"""Where a call comes from, for the audit log."""

from __future__ import annotations

from task_server import logs
from task_server.api.interceptors.around import Call
from task_server.domain.owner import Origin

#: Enough for some proxies one behind another; anybody may send any of it.
_MAX_FORWARDED_CHARACTERS = 200


def origin_of(call: Call) -> Origin:
    """What the audit log tells of a call. Whom a proxy says that it speaks for stands behind the proxy's own address."""
    peer = call.context.peer()
    forwarded = ", ".join(call.values("x-forwarded-for"))
    if forwarded and forwarded.isascii() and forwarded.isprintable():
        peer = f"{peer} for {forwarded[:_MAX_FORWARDED_CHARACTERS]}"
    return Origin(method=call.method.removeprefix("/"), peer=peer, request_id=logs.request_id.get())
