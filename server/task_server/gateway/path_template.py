"""Path templates of google/api/http.proto.

    Template = "/" Segments [ Verb ] ;
    Segments = Segment { "/" Segment } ;
    Segment  = "*" | "**" | LITERAL | Variable ;
    Variable = "{" FieldPath [ "=" Segments ] "}" ;
    Verb     = ":" LITERAL ;

As in the official gateway `{x}` means `{x=*}`, `*` takes an empty segment too, and `**` takes any number of segments, none
included, and may be followed by a fixed tail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=:@]|%[0-9A-Fa-f]{2})+")
_FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_TOKEN = re.compile(r"\{([^={}]*)(?:=([^{}]*))?\}|([^/{}]+)")


class InvalidTemplateError(ValueError):
    """The path template breaks the grammar."""


class Wildcard(IntEnum):
    """What a segment that is no literal takes. The number is its rank behind literals."""

    ONE = 1
    MANY = 2


@dataclass(frozen=True)
class Variable:
    """A request field that takes the text of segments `start` to `end` (exclusive) of the template."""

    field_path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class PathTemplate:
    """A parsed template. `verb` is empty where there is none."""

    text: str
    segments: tuple[str | Wildcard, ...]
    variables: tuple[Variable, ...]
    verb: str

    @property
    def specificity(self) -> tuple[int, ...]:
        """Sorts templates: at the first segment where two differ, a literal goes before `*`, and that before `**`."""
        return tuple(segment.value if isinstance(segment, Wildcard) else 0 for segment in self.segments)

    @property
    def deep(self) -> bool:
        """Whether it takes paths of different lengths."""
        return Wildcard.MANY in self.segments

    def match(self, components: Sequence[str]) -> dict[tuple[str, ...], str] | None:
        """Gives the text of each variable, or None where the path is another one. The verb must be cut off before."""
        spare = len(components) - len(self.segments)
        if spare != 0 and not (self.deep and spare >= -1):
            return None
        bounds = [0]
        for segment in self.segments:
            position = bounds[-1]
            if isinstance(segment, str) and components[position] != segment:
                return None
            bounds.append(position + (1 + spare if segment is Wildcard.MANY else 1))
        return {
            variable.field_path: "/".join(components[bounds[variable.start] : bounds[variable.end]])
            for variable in self.variables
        }


def parse(text: str) -> PathTemplate:
    """Parses a template.

    Raises:
        InvalidTemplateError: it breaks the grammar; the message has the template and the place.
    """
    if not text.startswith("/"):
        reason = f"{text}: a path template begins with /"
        raise InvalidTemplateError(reason)
    path, verb = _split_verb(text)
    if path == "/":
        return PathTemplate(text, ("",), (), verb)
    segments: list[str | Wildcard] = []
    variables: list[Variable] = []
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position + 1) if path[position] == "/" else None
        if token is None:
            reason = f"{text}: one / and a segment are expected at {path[position:]!r}"
            raise InvalidTemplateError(reason)
        name, pattern, plain = token.groups()
        if plain is not None:
            segments.append(_segment(text, plain))
        else:
            if not _FIELD_PATH.fullmatch(name):
                reason = f"{text}: {name!r} is no field path"
                raise InvalidTemplateError(reason)
            start = len(segments)
            segments += [_segment(text, part) for part in ("*" if pattern is None else pattern).split("/")]
            variables.append(Variable(tuple(name.split(".")), start, len(segments)))
        position = token.end()
    if segments.count(Wildcard.MANY) > 1:
        reason = f"{text}: ** may stand once"
        raise InvalidTemplateError(reason)
    if len({variable.field_path for variable in variables}) < len(variables):
        reason = f"{text}: a variable stands twice"
        raise InvalidTemplateError(reason)
    return PathTemplate(text, tuple(segments), tuple(variables), verb)


def _split_verb(text: str) -> tuple[str, str]:
    last_brace, last_slash = text.rfind("}"), text.rfind("/")
    # Right behind a variable everything after the first colon is the verb; behind a literal only what follows the last one.
    colon = text.find(":", last_brace) if last_brace > last_slash else text.rfind(":", last_slash)
    if colon < 0:
        return text, ""
    verb = text[colon + 1 :]
    if not _LITERAL.fullmatch(verb):
        reason = f"{text}: {verb!r} is no verb"
        raise InvalidTemplateError(reason)
    return text[:colon], verb


def _segment(text: str, plain: str) -> str | Wildcard:
    if plain == "*":
        return Wildcard.ONE
    if plain == "**":
        return Wildcard.MANY
    if not _LITERAL.fullmatch(plain):
        reason = f"{text}: {plain!r} is no path segment"
        raise InvalidTemplateError(reason)
    return plain
