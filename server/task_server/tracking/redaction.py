"""What looks like a secret in texts that come from other apps: tracebacks, errors and arguments as Celery's events write them."""

from __future__ import annotations

import re

#: A name that tells of a secret, with = or : and its value behind it, quoted or not.
_NAMED = re.compile(
    r"""(?ix)
    ( [\w-]{0,50} (?: passw(?:or)?d | passphrase | secret | token | api_?key | authorization | credential | private_?key )
      [\w-]{0,50} ['"]? \s? [=:] \s? )
    ( '(?:[^'\\]|\\.)*'? | "(?:[^"\\]|\\.)*"? | [^\s,;&)}\]]+ )"""
)
#: The password of a URL.
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@")
_STARS = "'***'"


def redacted(text: str) -> str:
    """The text with stars for the values of what is called password, token, secret and the like, and for passwords in URLs."""
    return _URL.sub(r"\1***@", _NAMED.sub(rf"\1{_STARS}", text))
