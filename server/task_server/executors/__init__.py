"""Runs an action in a child process and says how it ended."""
