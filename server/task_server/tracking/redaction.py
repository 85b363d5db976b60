"""What looks like a secret in texts that come from other apps: tracebacks, errors and arguments as Celery's events write them."""

from __future__ import annotations

import re

#: A name that tells of a secret, with = or : and its value behind it, quoted or not. A name is looked at once, from where it
#: begins: arguments that are one long word must not take long.
_NAMED = re.compile(
    r"""(?ixs)
    (?<![\w-])
    ( (?= [\w-]*? (?: passw(?:or)?d | passphrase | pwd | secret | token | api[_-]?key | access[_-]?key | private[_-]?key
                    | authorization | credential | cookie | session_?id | jwt ) )
      [\w-]++ \\{0,3} ['"]? \s? [=:] \s? (?: (?:bearer|basic|digest|token) \s )? )
    ( [bru]{0,2} '(?:[^'\\]|\\.)*'? | [bru]{0,2} "(?:[^"\\]|\\.)*"? | \\+ ["'] .*? (?: \\+ ["'] | \Z ) | [^\s,;&)}\]]+ )"""
)
#: The password of a URL.
_URL = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")
_STARS = "'***'"


def redacted(text: str) -> str:
    """The text with stars for the values of what is called password, token, secret and the like, and for passwords in URLs."""
    return _URL.sub(r"\1***@", _NAMED.sub(rf"\1{_STARS}", text))
