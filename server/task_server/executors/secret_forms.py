"""The forms in which a secret may come back: as it is, in parts, and encoded. What is escaped, `escaped_forms` finds."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from task_server.domain.secret import MIN_SECRET_CHARACTERS, REDACTED, Secret

#: `Bearer …`, `Basic …`
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]* +(\S.*)", re.DOTALL)
#: `a=…; b=…`, as in a Cookie.
_PAIR = re.compile(r"(?:^|; *)[^=;]+=([^;]+)")
_MAX_PAIRS = 20
#: What `requests` and this service leave as it is in a path or query.
_URL_SAFE = "!$%&'()*+,/:;=?@[]~"


def parts(secrets: Iterable[Secret]) -> frozenset[str]:
    """Secrets, and the parts of those that are credentials: what must not be shown, whatever it is escaped to.

    Those too short to be told from other text are left out, and those that the mark in their place would show.
    """
    return _shown({part for secret in secrets for part in _parts(secret.plain)})


def encoded(texts: Iterable[str]) -> frozenset[str]:
    """The texts in base64, alone and within other base64."""
    return _shown({form for text in texts for form in _encoded(text)})


def misread(texts: Iterable[str]) -> frozenset[str]:
    """The texts, sent in UTF-8 and read as Latin-1, as headers are."""
    return _shown({text.encode("utf-8", "surrogatepass").decode("latin-1") for text in texts})


def _shown(texts: set[str]) -> frozenset[str]:
    return frozenset(text for text in texts if len(text) >= MIN_SECRET_CHARACTERS and text not in REDACTED)


def _parts(plain: str) -> Iterator[str]:
    yield plain
    yield plain.strip()
    if scheme := _SCHEME.fullmatch(plain.strip()):
        yield scheme[1]
        if decoded := _decoded(scheme[1]):
            yield decoded
            yield decoded.partition(":")[2]
    pairs = _PAIR.findall(plain)[:_MAX_PAIRS]
    yield from (pair.strip().strip('"') for pair in pairs)


def _decoded(text: str) -> str:
    """What credentials in base64 say (RFC 7617), empty where they are none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _encoded(text: str) -> Iterator[str]:
    # What is put into base64 is mostly a request, or a part of one.
    sent = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    sent |= {quote(text, safe=""), quote(text), quote(text, safe=_URL_SAFE), quote_plus(text)}
    for each in sent:
        raw = each.encode("utf-8", "surrogatepass")
        yield from _base64(raw)
        yield from _base64(raw.decode("latin-1").encode())


def _base64(raw: bytes) -> Iterator[str]:
    """What is always there of it in the base64 of anything that holds it, at each of the three places that it may begin at."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw)
        # The first characters depend on what is before, the last on what is behind.
        first, last = (0, 2, 3)[before], len(text) - (0, 3, 2)[(before + len(raw)) % 3]
        core = text[first:last].decode("ascii")
        yield core
        yield core.replace("+", "-").replace("/", "_")
        yield core.replace("/", "\\/")
        yield core.replace("/", "\\\\/")
        yield quote(core, safe="")
        yield quote(core, safe="/")
        yield quote(quote(core, safe=""))
