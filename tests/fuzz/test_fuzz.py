"""A short campaign against a stack of its own; `make fuzz` makes a long one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.acceptance.acceptance_stack import Stack, standing
from tests.fuzz.campaign import SETTINGS, run


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(tmp_path_factory.mktemp("fuzz"), **SETTINGS) as stack:
        yield stack


def test_no_random_call_breaks_the_service(stack: Stack) -> None:
    report = run(stack, seconds=15, seed=20261126)

    assert not report.wrong, "\n".join(report.wrong)
    # Calls got past the first check on both ports.
    assert {"grpc OK", "grpc INVALID_ARGUMENT", "grpc UNAUTHENTICATED", "rest 200", "rest 400"} <= report.calls.keys()
