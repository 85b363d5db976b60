from collections.abc import Iterator

import pytest
from gateway_world import World, running_world


# Not for the session: grpc.aio has one poller for all event loops of a process, so no two of them may be busy at once.
@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running_world() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(world: World) -> int:
    """The port of a gateway with the default options."""
    return world.gateway()
