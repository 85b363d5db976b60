"""Our gateway and the official one, generated from the same protos, answer every request of the corpus alike."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from gateway_corpus import CORPUS, OPTIONAL_DIFFERENCES, Entry, described, send
from gateway_oracle import built_oracle
from gateway_world import World

from task_server.gateway.options import OFFICIAL, GatewayOptions

pytestmark = [pytest.mark.oracle, pytest.mark.timeout(900)]

Ask = Callable[[Entry], dict[str, Any]]


@contextmanager
def running_oracle(world: World, *flags: str) -> Iterator[int]:
    command = [built_oracle(), f"-grpc-address=127.0.0.1:{world.grpc_port}", *flags]
    limit = f"-max-body-bytes={GatewayOptions().max_body_bytes}"
    process = subprocess.Popen(
        [*command, limit], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().rsplit(":", 1)[1])
    finally:
        # It ends when its input does.
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="module")
def official(world: World) -> Iterator[Ask]:
    with running_oracle(world) as port:
        yield lambda entry: described(send(port, entry))


@pytest.fixture(scope="module")
def official_with_proto_names(world: World) -> Iterator[Ask]:
    with running_oracle(world, "-proto-names") as port:
        yield lambda entry: described(send(port, entry))


@pytest.fixture(scope="module")
def ours_like_official(world: World) -> Ask:
    port = world.gateway(OFFICIAL)
    return lambda entry: described(send(port, entry))


@pytest.fixture(scope="module")
def ours(gateway: int) -> Ask:
    return lambda entry: described(send(gateway, entry))


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["name"])
def test_with_all_differences_off_both_answer_alike(ours_like_official: Ask, official: Ask, entry: Entry) -> None:
    lasting = set(entry.get("differs", [])) - OPTIONAL_DIFFERENCES

    _compare(entry, ours_like_official(entry), official(entry), differs=bool(lasting))


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["name"])
def test_by_default_only_the_listed_differences_show(ours: Ask, official_with_proto_names: Ask, entry: Entry) -> None:
    _compare(entry, ours(entry), official_with_proto_names(entry), differs="differs" in entry)


def test_json_keys_differ_unless_both_use_proto_names(ours: Ask, official: Ask) -> None:
    entry = {"method": "GET", "path": "/api/tasks/full"}

    assert "created_at" in ours(entry)["body"]
    assert "createdAt" in official(entry)["body"]


def _compare(entry: Entry, mine: dict[str, Any], theirs: dict[str, Any], *, differs: bool) -> None:
    if mine["headers"].get("x-request-id") and "forwarded_headers" not in entry.get("differs", []):
        # It goes back under its own name as well; the official gateway has the prefixed one only.
        mine["headers"].pop("x-request-id")
    if entry.get("own_error") and not differs:
        mine, theirs = _without_text(mine), _without_text(theirs)
    if differs:
        # An exception that shows no difference is one too many.
        assert mine != theirs
    else:
        assert mine == theirs


def _without_text(answer: dict[str, Any]) -> dict[str, Any]:
    body = answer["body"]
    assert body["message"]
    return {**answer, "body": body["code"]}
