"""Fixtures for every tier."""

pytest_plugins = ["tests.broker", "tests.postgres"]
