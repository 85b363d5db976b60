"""Finds the route of a request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from task_server.gateway.routes import FieldPath, Route


@dataclass(frozen=True)
class Match:
    """A route and the text of its path variables."""

    route: Route
    values: dict[FieldPath, str]


class Router:
    """Routes in the order in which they are tried.

    Literal segments win over variables, whatever the order of declaration. Among equals the one declared last wins, and so it does
    in the official gateway, which knows no other rule.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[tuple[str, int], list[Route]] = defaultdict(list)
        self._deep: dict[str, list[Route]] = defaultdict(list)
        last_first = list(routes)
        last_first.reverse()
        ordered = sorted(last_first, key=lambda route: (not route.template.verb, route.template.specificity))
        for route in ordered:
            if route.template.deep:
                self._deep[route.http_method].append(route)
            else:
                self._by_length[route.http_method, len(route.template.segments)].append(route)
        self._methods = sorted({route.http_method for route in ordered})

    def match(self, http_method: str, path: str) -> Match | None:
        """Finds the route of a method and an unescaped path."""
        components = path[1:].split("/")
        for route in self._candidates(http_method, len(components)):
            verb = route.template.verb
            if verb and components[-1] == f":{verb}":
                # Nothing before the verb: the official gateway looks no further.
                return None
            values = _match(route, components)
            if values is not None:
                return Match(route, values)
        return None

    def allowed(self, path: str) -> list[str]:
        """The methods that a path has, sorted."""
        return [method for method in self._methods if self.match(method, path) is not None]

    def _candidates(self, http_method: str, length: int) -> Iterator[Route]:
        yield from self._by_length.get((http_method, length), ())
        yield from self._deep.get(http_method, ())


def _match(route: Route, components: Sequence[str]) -> dict[FieldPath, str] | None:
    verb = route.template.verb
    if not verb:
        return route.template.match(components)
    last = components[-1]
    if not last.endswith(f":{verb}"):
        return None
    return route.template.match([*components[:-1], last[: -len(verb) - 1]])
