"""Keeps the secrets of a run out of what is stored of it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from task_server.domain.secret import REDACTED, Secret
from task_server.executors.escaped_forms import escaped_form
from task_server.executors.secret_forms import encoded, misread, parts
from task_server.sandbox.ending import Ending

#: A text may have been cut amid a secret. So much of the secret's beginning, at the end of the text, is taken out too.
_CUT_CHARACTERS = 4
#: What may follow where a text was cut and put into a sentence.
_BEHIND_A_CUT = ".…'\")]} "

Span = tuple[int, int]


class Scrubber:
    """Replaces secrets, in all the forms of `secret_forms` and `escaped_forms`, by a mark."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        plain = parts(secrets)
        self._forms = plain | encoded(plain)
        self._longest_form = max(map(len, self._forms), default=0)
        self._escaped = [escaped for text in plain | misread(plain) if (escaped := escaped_form(text))]
        #: The longest text that is taken out.
        self._longest = max([self._longest_form, *(escaped.longest for escaped in self._escaped)])
        self._beginnings = frozenset(form[0] for form in self._forms)

    def text(self, text: str) -> str:
        """A whole text, without them."""
        return self._without_cut(self.within(text))

    def within(self, text: str) -> str:
        """A text that goes on, without those that are in it as a whole."""
        # Again, should what is left make one together.
        while spans := self._spans(text):
            pieces, done = [], 0
            for first, last in spans:
                pieces += [text[done:first], REDACTED]
                done = last
            text = "".join([*pieces, text[done:]])
        return text

    def ending(self, ending: Ending) -> Ending:
        """How a child ended, without them in what it said."""
        if not self._forms:
            return ending
        failure = ending.failure
        if failure is not None:
            failure = replace(failure, error=self.text(failure.error), traceback=self.text(failure.traceback))
        result = None if ending.result is None else self._result(ending.result)
        return replace(ending, detail=self.text(ending.detail), result=result, failure=failure)

    def stream(self, write: Callable[[str], None]) -> Stream:
        """A way for a text that comes in pieces."""
        return Stream(self, write)

    def held_from(self, text: str) -> int:
        """Where in a text that goes on what can not be said yet begins: a secret may begin there, or has begun and may go on."""
        held = max(0, len(text) - self._longest + 1)
        for first, last in self._spans(text):
            if first < held <= last:
                held = first
        return held

    def _may_begin(self, end: str) -> bool:
        return any(form.startswith(end) and len(form) > len(end) for form in self._forms)

    def _without_cut(self, text: str) -> str:
        end = text.rstrip(_BEHIND_A_CUT)
        for start in range(max(0, len(end) - self._longest_form + 1), len(end) - _CUT_CHARACTERS + 1):
            if end[start] in self._beginnings and self._may_begin(end[start:]):
                return end[:start] + REDACTED + text[len(end) :]
        return text

    def _spans(self, text: str) -> list[Span]:
        """Where secrets are, in order; those that overlap or touch as one."""
        found: list[Span] = []
        for form in self._forms:
            first = text.find(form)
            while first >= 0:
                found.append((first, first + len(form)))
                first = text.find(form, first + 1)
        for escaped in self._escaped:
            match = escaped.expression.search(text)
            while match:
                found.append(match.span())
                match = escaped.expression.search(text, match.start() + 1)
        merged: list[Span] = []
        for first, last in sorted(found):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged

    def _result(self, result: bytes) -> bytes:
        try:
            value = json.loads(result)
            return json.dumps(self._json(value), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            # No JSON: nothing that will be kept.
            return b""

    def _json(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._json(item) for item in value]
        if not isinstance(value, dict):
            return value
        clean = {self.text(key): self._json(item) for key, item in value.items()}
        if value.get("body_encoding") == "base64" and isinstance(value.get("body"), str):
            clean["body"] = self._body(value["body"])
        return clean

    def _body(self, body: str) -> str:
        """A body in base64, which hides what is in it from whoever looks at the text."""
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return REDACTED
        # Byte for byte: `secret_forms` has what UTF-8 looks like in Latin-1.
        return base64.b64encode(self.text(raw.decode("latin-1")).encode("latin-1")).decode("ascii")


class Stream:
    """A text that comes in pieces, also where a secret is in two of them."""

    def __init__(self, scrubber: Scrubber, write: Callable[[str], None]) -> None:
        self._scrubber = scrubber
        self._write = write
        self._held = ""

    def write(self, piece: str) -> None:
        """Pass on what can be said by now."""
        text = self._held + piece
        held = self._scrubber.held_from(text)
        self._held = text[held:]
        self._pass_on(self._scrubber.within(text[:held]))

    def close(self) -> None:
        """Pass on the rest."""
        rest, self._held = self._held, ""
        self._pass_on(self._scrubber.text(rest))

    def _pass_on(self, text: str) -> None:
        if text:
            self._write(text)
