"""What grpc logs of callers that left."""

from __future__ import annotations

import logging

import pytest

from task_server.api import hang_ups

GRPC = logging.getLogger("grpc._cython.cygrpc")


class ExecuteBatchError(Exception):
    """As grpc's own, which can not be made from outside."""


def log_raised(error: Exception) -> None:
    try:
        raise error
    except Exception:
        GRPC.exception("%s raised in core by servicer method [/s/m]", type(error).__name__)


@pytest.fixture(autouse=True)
def expected() -> None:
    hang_ups.expect()


@pytest.mark.parametrize("operation", ["SendInitialMetadataOperation", "SendStatusFromServerOperation"])
def test_what_nobody_waits_for_is_no_entry(caplog: pytest.LogCaptureFixture, operation: str) -> None:
    log_raised(ExecuteBatchError(f'Failed "execute_batch": (<grpc._cython.cygrpc.{operation} object>,)'))
    assert caplog.records == []


def test_whatever_else_grpc_says_is_told(caplog: pytest.LogCaptureFixture) -> None:
    log_raised(ExecuteBatchError('Failed "execute_batch": (<grpc._cython.cygrpc.SendMessageOperation object>,)'))
    log_raised(ValueError("SendStatusFromServerOperation"))
    GRPC.error("anything")
    assert len(caplog.records) == 3
