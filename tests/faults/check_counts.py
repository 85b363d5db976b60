"""Counts: what lists and statistics say is what there is."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.facts import Facts
from tests.faults.finding import Finding


def counts_are_those_of_the_rows(facts: Facts) -> Iterator[Finding]:
    """The rollup and what is not folded into it yet have each execution once, whoever died while it was folded."""
    for *kind, surplus in facts.miscounts:
        yield Finding(f"{surplus} more are counted of {kind} than there are")


CHECKS = [counts_are_those_of_the_rows]
