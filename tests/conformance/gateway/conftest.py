from collections.abc import Iterator

import pytest
from gateway_world import World, running_world


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with running_world() as running:
        yield running


@pytest.fixture(scope="session")
def gateway(world: World) -> int:
    """The port of a gateway with the default options."""
    return world.gateway()
