"""A secret however often it was escaped: each of its characters as itself, or as JSON, URLs, HTML and programs write it.

An answer quotes a request that quoted the secret: JSON within JSON, a URL within HTML, UTF-8 read as Latin-1. So many forms can not
be listed; an expression finds all of them.
"""

from __future__ import annotations

import html.entities
import re
import string
from typing import NamedTuple

#: Nobody escapes these.
_PLAIN = frozenset(string.ascii_letters + string.digits + "-._~")
#: How JSON and programs write control characters.
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v"}
#: Backslashes before a character: JSON in JSON in JSON.
_SLASHES = 7
#: How often "%" became "%25", and "&" became "&amp;".
_AGAIN = 2
#: The longest that one character becomes, of those forms: 4 bytes, read as Latin-1, each in UTF-8, percent-encoded three times.
_LONGEST = 4 * 2 * (3 + 2 * _AGAIN) * (_SLASHES + 1)
#: A backslash, also where JSON was put into a URL.
_SLASH = rf"\\|%(?:25){{0,{_AGAIN}}}+5[cC]"


#: So many characters at either end of a long text are looked for.
_END = 32


class EscapedForm(NamedTuple):
    """An expression for the forms of one text."""

    expression: re.Pattern[str]
    #: In characters, what it can find.
    longest: int


def escaped_form(text: str) -> EscapedForm | None:
    """The expression for a text, None where nobody would escape it."""
    if not set(text) - _PLAIN:
        return None
    longest = _LONGEST * len(text)
    if len(text) <= 2 * _END:
        return EscapedForm(re.compile(_expression(text)), longest)
    # Making an expression takes far longer than using it. Where only the beginning is found, what follows goes with it.
    between = f"(?s:.{{0,{longest}}}?)"
    ends = f"{_expression(text[:_END])}(?:{between}{_expression(text[-_END:])}|(?s:.{{0,{longest}}}))"
    return EscapedForm(re.compile(ends), 2 * longest)


def _expression(text: str) -> str:
    # All repetitions are possessive, so that a hostile text can not make it try again and again.
    parts = re.findall(r"\\+|.", text, re.DOTALL)
    return "".join(re.escape(part) if part in _PLAIN else _escaped(part) for part in parts)


def _escaped(part: str) -> str:
    if part.startswith("\\"):
        # Any number of them: each writer doubles them.
        return rf"(?:{_SLASH}){{1,{len(part) * (_SLASHES + 1)}}}+"
    ways = [_once(part)]
    if not part.isascii():
        ways.append("".join(_once(each) for each in part.encode("utf-8", "surrogatepass").decode("latin-1")))
    return f"(?:{'|'.join(ways)})"


def _once(character: str) -> str:
    """One character, which is no backslash, in each of its forms."""
    code = ord(character)
    ways = [*_entities(character), _percent(character), re.escape(character), _unicode(code)]
    if code < 256:
        ways.append(f"x(?i:{code:02x})")
    if character in _LETTERS:
        ways.append(_LETTERS[character])
    if character == " ":
        ways += [r"\+", _percent("+")]
    return rf"(?:{_SLASH}){{0,{_SLASHES}}}+(?:{'|'.join(ways)})"


def _entities(character: str) -> list[str]:
    code = ord(character)
    ampersand, hash_, end = (f"(?:{re.escape(mark)}|{_percent(mark)})" for mark in "&#;")
    again = f"(?:amp{end})"
    names = [f"{hash_}0{{0,5}}{code}", f"{hash_}[xX]0{{0,5}}(?i:{code:x})"]
    if character == "'":
        names.append("apos")
    elif character != "&" and code in html.entities.codepoint2name:
        names.append(html.entities.codepoint2name[code])
    ways = [f"{ampersand}{again}{{0,{_AGAIN}}}+(?:{'|'.join(names)}){end}"]
    # "&amp;" is itself, once more.
    return [*ways, f"{ampersand}{again}{{1,{_AGAIN + 1}}}+"] if character == "&" else ways


def _unicode(code: int) -> str:
    if code < 0x10000:
        return f"u(?i:{code:04x})"
    high, low = divmod(code - 0x10000, 0x400)
    return rf"(?:u(?i:{0xD800 + high:04x})(?:{_SLASH}){{1,{_SLASHES}}}+u(?i:{0xDC00 + low:04x})|U(?i:{code:08x}))"


def _percent(character: str) -> str:
    if character == "%":
        return rf"%(?:25){{1,{_AGAIN + 1}}}+"
    return "".join(rf"%(?:25){{0,{_AGAIN}}}+(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
