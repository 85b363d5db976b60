"""JSON paths that lead to one value: the singular queries of RFC 9535, 2.3.5.1, as `$.items[-1]['a key']`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsonpath import JSONPathEnvironment

MAX_CHARACTERS = 500


class BadPath(ValueError):
    """The text is no path to one value; the message says why."""


def read_json_path(text: str) -> tuple[str | int, ...]:
    """The keys and indexes of a path. Raises BadPath."""
    from jsonpath import JSONPath, JSONPathError
    from jsonpath.selectors import IndexSelector, NameSelector

    if len(text) > MAX_CHARACTERS:
        message = f"must have at most {MAX_CHARACTERS} characters, not {len(text):,}"
        raise BadPath(message)
    try:
        path = _reader().compile(text)
    except (JSONPathError, RecursionError) as error:
        # Not str(error), which draws where it is, and fails where that is the end of the text.
        message = f"is no JSON path ({error.args[0]}); write one as $.items[0]['a key']"
        raise BadPath(message) from None
    keys: list[str | int] = []
    if not isinstance(path, JSONPath) or not path.singular_query():
        message = "must lead to one value: names and indexes only, as $.items[0].id, without *, .., slices and filters"
        raise BadPath(message)
    for segment in path.segments:
        for selector in segment.selectors:
            match selector:
                case NameSelector():
                    keys.append(selector.name)
                case IndexSelector():
                    keys.append(selector.index)
    return tuple(keys)


@cache
def _reader() -> JSONPathEnvironment:
    from jsonpath import JSONPathEnvironment

    return JSONPathEnvironment(strict=True)
