"""Text of a server that nobody knows, made fit for an error or a log."""

from __future__ import annotations


def fit_to_show(text: str, most: int = 200) -> str:
    """The text on one line, without control characters and halves of characters, cut after `most` characters."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)
