"""`match`: its patterns, made such that the interpreter reads no attribute that the guards would refuse.

The patterns of `case` compare and read in the interpreter, past every guard. So what they name is looked up before the
match, through the guards: a dotted value goes into a holder, and a class through `class_pattern`, which is strict about
the classes of whose objects attributes may be read at all.
"""

# ruff: noqa: N802 - `ast` finds the methods by the names of the nodes.

from __future__ import annotations

import ast
from typing import Any, TypeGuard

from RestrictedPython.transformer import INSPECT_ATTRIBUTES, RestrictingNodeTransformer

from task_server.sandbox.policy.classes import TASK_METACLASSES, is_named_tuple
from task_server.sandbox.policy.guards import DENIED_ATTRIBUTES
from task_server.sandbox.policy.nodes import load, located
from task_server.sandbox.policy.vocabulary import private_name

#: The classes of which a pattern's single argument is the value itself; of others it would be an attribute.
_BINDING_THEMSELVES = frozenset({bool, bytes, dict, float, frozenset, int, list, set, str, tuple})
#: `obj` is refused by the guards on some objects only. A pattern can not tell them apart, so it refuses it on all.
_REFUSED = DENIED_ATTRIBUTES | INSPECT_ATTRIBUTES | {"obj"}


class PatternValue:
    """Holds a value for a pattern, which may be a dotted name and nothing more complex."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def class_pattern(kind: Any, positional: int, named: int) -> Any:
    """What a class in a pattern goes through.

    Attributes are read of objects of a task's own classes and of named tuples only. Of any other class the pattern may
    ask whether the value is one, and `int(x)` and its kind bind the value itself.
    """
    if not isinstance(kind, type):
        return kind
    if type(kind) in TASK_METACLASSES or is_named_tuple(kind):
        # Of a data class these are its fields, which may have any name; only an exception has something else under these.
        for name in getattr(kind, "__match_args__", ())[:positional]:
            if name in _REFUSED and issubclass(kind, BaseException):
                message = f"the attribute {name!r} can not be read by a pattern; bind the value with 'as', and use if"
                raise TypeError(message)
        return kind
    if named or positional > (kind in _BINDING_THEMSELVES):
        message = f"a pattern can not read attributes of a {kind.__name__}; bind it with 'as', and use if"
        raise TypeError(message)
    return kind


class PatternVisitor(RestrictingNodeTransformer):
    """Allows `match`."""

    def __init__(self) -> None:
        super().__init__()
        self._before_match: list[list[ast.stmt]] = []

    def visit_Match(self, node: ast.Match) -> Any:
        """Allow `match`, after what its patterns name has been looked up."""
        self._before_match.append([])
        node = self.node_contents_visit(node)
        before = self._before_match.pop()
        names = [name.id for statement in before for name in ast.walk(statement) if _is_stored(name)]
        # The subject comes first, as Python has it: what it does may be what the patterns are to see.
        subject = self.gen_tmp_name()
        assigned = ast.Assign(targets=[ast.Name(subject, ast.Store())], value=node.subject)
        node.subject = load(subject)
        deleted = ast.Delete(targets=[ast.Name(name, ast.Del()) for name in [subject, *names]])
        return [located(assigned, node), *before, ast.fix_missing_locations(node), located(deleted, node)]

    def visit_match_case(self, node: ast.match_case) -> Any:
        """Allow `case`."""
        return self.node_contents_visit(node)

    def visit_MatchValue(self, node: ast.MatchValue) -> Any:
        """Allow literals, and dotted names by way of the guards."""
        if isinstance(node.value, ast.Attribute):
            node.value = self._held(self.visit(node.value), node)
            return node
        return self.node_contents_visit(node)

    def visit_MatchSingleton(self, node: ast.MatchSingleton) -> Any:
        """Allow None, True and False."""
        return node

    def visit_MatchSequence(self, node: ast.MatchSequence) -> Any:
        """Allow sequences: a task may iterate whatever it holds."""
        return self.node_contents_visit(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> Any:
        """Allow mappings: a task may read the items of whatever it holds."""
        node.rest = self.bound_name(node, node.rest)
        keys: list[ast.expr] = []
        for key in node.keys:
            visited = self.visit(key)
            keys.append(self._held(visited, node) if isinstance(key, ast.Attribute) else visited)
        node.keys = keys
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        return node

    def visit_MatchStar(self, node: ast.MatchStar) -> Any:
        """Allow `*rest` with an ordinary name."""
        node.name = self.bound_name(node, node.name)
        return node

    def visit_MatchAs(self, node: ast.MatchAs) -> Any:
        """Allow captures with an ordinary name."""
        node.name = self.bound_name(node, node.name)
        return self.node_contents_visit(node)

    def visit_MatchOr(self, node: ast.MatchOr) -> Any:
        """Allow alternatives."""
        return self.node_contents_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> Any:
        """Allow classes, of which `class_pattern` judges each, and attributes that no object could refuse."""
        node.kwd_attrs = [self._attribute(node, name) for name in node.kwd_attrs]
        counts: list[ast.expr] = [ast.Constant(len(node.patterns)), ast.Constant(len(node.kwd_attrs))]
        call = ast.Call(func=load("_class_pattern_"), args=[self.visit(node.cls), *counts], keywords=[])
        node.cls = self._looked_up(call, node)
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        node.kwd_patterns = [self.visit(pattern) for pattern in node.kwd_patterns]
        return node

    def bound_name(self, node: ast.AST, name: str | None) -> str | None:
        """The name under which the code that runs binds it."""
        raise NotImplementedError

    def _attribute(self, node: ast.AST, name: str) -> str:
        if name.startswith("_"):
            if not name.startswith("__") and not name.endswith("_"):
                return private_name(name)
            self.error(
                node, f"the attribute {name!r} can not be read by a pattern; bind the value with 'as', and use if"
            )
        elif name in _REFUSED:
            self.error(
                node, f"the attribute {name!r} can not be read by a pattern; bind the value with 'as', and use if"
            )
        return name

    def _held(self, value: ast.expr, node: ast.AST) -> ast.expr:
        holder = self._looked_up(ast.Call(func=load("_pattern_value_"), args=[value], keywords=[]), node)
        return located(ast.Attribute(holder, "value", ast.Load()), node)

    def _looked_up(self, value: ast.expr, node: ast.AST) -> ast.Name:
        name = self.gen_tmp_name()
        assigned = ast.Assign(targets=[ast.Name(name, ast.Store())], value=value)
        self._before_match[-1].append(located(assigned, node))
        return located(load(name), node)


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
