"""Fixtures for every tier."""

import os

# Tests that fork in this process do not use gRPC in the child; its fork handlers would only get in their way.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

pytest_plugins = ["tests.broker", "tests.certificates", "tests.postgres"]
