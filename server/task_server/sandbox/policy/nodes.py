"""Small pieces of syntax trees."""

from __future__ import annotations

import ast
from typing import TypeVar

_Node = TypeVar("_Node", bound=ast.AST)


def load(name: str) -> ast.Name:
    """The value of a name."""
    return ast.Name(name, ast.Load())


def located(new: _Node, old: ast.AST) -> _Node:
    """A new node, and all in it that has no place yet, where an old one stands."""
    return ast.fix_missing_locations(ast.copy_location(new, old))
