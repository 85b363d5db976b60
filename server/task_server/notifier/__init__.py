"""The bell: tells other processes that something changed, so that they look now and not at their next turn.

It carries no truth. Whoever listens reads the database; a ring that is lost costs one poll interval.
"""
