"""Rewrites a task's source so that every access goes through a guard, and finds what is not allowed."""

# ruff: noqa: N802 - `ast` finds the methods by the names of the nodes.

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from RestrictedPython.transformer import INSPECT_ATTRIBUTES, IOPERATOR_TO_STR, RestrictingNodeTransformer

from task_server.sandbox.finding import Finding
from task_server.sandbox.policy.modules import FACADES, names_in
from task_server.sandbox.policy.vocabulary import INSTEAD, MISSING_BUILTINS, READABLE, RESERVED, SPECIAL_METHODS

_Node = TypeVar("_Node", bound=ast.AST)


class TaskTransformer(RestrictingNodeTransformer):
    """RestrictedPython's transformer, with the habits of ordinary Python let in.

    Beyond it: `d[k] += 1`, `self.n += 1`, annotations, `nonlocal`, more special methods, `print` as a function,
    `if __name__ == ...`. Against it: imports are checked at once, and every refusal says what to write instead.
    """

    def __init__(self) -> None:
        super().__init__()
        #: What was refused, in the order of the source.
        self.findings: list[Finding] = []
        self._own_names: frozenset[str] = frozenset()

    def error(self, node: ast.AST, info: str) -> None:
        """Note what is refused; one finding for each place."""
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1
        if all((found.line, found.column) != (line, column) for found in self.findings):
            self.findings.append(Finding(line, column, info))

    def warn(self, node: ast.AST, info: str) -> None:
        """RestrictedPython's warnings concern its own way of printing."""

    def not_allowed(self, node: ast.AST) -> None:
        """Refuse a node."""
        self.error(node, INSTEAD.get(type(node), f"{type(node).__name__} is not allowed"))

    def gen_tmp_name(self) -> str:
        """A name that no source can spell."""
        self._tmp_idx += 1
        return f".{self._tmp_idx}"

    # -- names ---------------------------------------------------------------

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse to bind a name that could stand in for a guard."""
        if name is None or name == "_":
            return
        if name.startswith("_"):
            if not (allow_magic_methods and name in SPECIAL_METHODS and node.col_offset != 0):
                self.error(node, _advice_on_underscore("the name", name))
        elif name.endswith("__roles__") or name in RESERVED:
            self.error(node, f"the name {name!r} is reserved; use another")

    def visit_Module(self, node: ast.Module) -> Any:
        """Learn first which names the source defines itself."""
        self._own_names = frozenset(_bound_names(node))
        return self.node_contents_visit(node)

    def visit_Name(self, node: ast.Name) -> Any:
        """Allow names that can not be confused with a guard's."""
        if node.id.startswith("."):
            return node
        if isinstance(node.ctx, ast.Load):
            if node.id in READABLE:
                return node
            self._check_available(node)
        self.check_name(node, node.id)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        """Say first what is missing; RestrictedPython only says what is not allowed."""
        if isinstance(node.func, ast.Name):
            self._check_available(node.func)
        return super().visit_Call(node)

    def visit_Global(self, node: ast.Global) -> Any:
        """Allow `global` for ordinary names."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        """Allow `nonlocal` for ordinary names: the binding itself is checked where it stands."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Refuse early what the guard would refuse at run time."""
        if node.attr.startswith("_") and node.attr != "_":
            self.error(node, _advice_on_underscore("the attribute", node.attr))
        elif node.attr in INSPECT_ATTRIBUTES:
            self.error(node, f"the attribute {node.attr!r} belongs to the interpreter and is not readable here")
        return super().visit_Attribute(node)

    def _check_available(self, node: ast.Name) -> None:
        if node.id in MISSING_BUILTINS and node.id not in self._own_names:
            self.error(node, f"{node.id!r} is not available here: {MISSING_BUILTINS[node.id]}")

    # -- imports -------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> Any:
        """Allow the modules that have a facade."""
        for alias in node.names:
            if alias.name not in FACADES:
                self._refuse_import(node, alias.name)
        return super().visit_Import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Allow the names that a facade has. Features of the future are dropped: annotations are never evaluated."""
        if node.module == "__future__" and not node.level:
            return ast.copy_location(ast.Pass(), node)
        if node.level or node.module is None or node.module not in FACADES:
            self._refuse_import(node, "." * node.level + (node.module or ""))
        else:
            names = names_in(FACADES[node.module])
            for alias in node.names:
                if alias.name not in names:
                    allowed = ", ".join(sorted(names))
                    self.error(node, f"{alias.name!r} of {node.module!r} is not available; it has: {allowed}")
        return super().visit_ImportFrom(node)

    def _refuse_import(self, node: ast.AST, name: str) -> None:
        self.error(node, f"import of {name!r} is not allowed; available are: {', '.join(sorted(FACADES))}")

    # -- annotations ---------------------------------------------------------

    def visit_arg(self, node: ast.arg) -> Any:
        """Drop the annotation."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Drop the annotation of what is returned."""
        node.returns = None
        return super().visit_FunctionDef(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """`x: int = 1` is `x = 1`; `x: int` is nothing."""
        if node.value is None:
            self.visit(node.target)
            return ast.copy_location(ast.Pass(), node)
        return self.visit(_located(ast.Assign(targets=[node.target], value=node.value), node))

    # -- assignments ---------------------------------------------------------

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """`f(x)[g()] += v` reads and writes through the guards and evaluates `f(x)` and `g()` once, in this order."""
        target = node.target
        if isinstance(target, ast.Name):
            return super().visit_AugAssign(node)
        holder = self.gen_tmp_name()
        temporaries = [(holder, target.value)]
        load: ast.expr
        store: ast.expr
        if isinstance(target, ast.Attribute):
            load = ast.Attribute(_load(holder), target.attr, ast.Load())
            store = ast.Attribute(_load(holder), target.attr, ast.Store())
        else:
            index = self.gen_tmp_name()
            temporaries.append((index, target.slice))
            load = ast.Subscript(_load(holder), _load(index), ast.Load())
            store = ast.Subscript(_load(holder), _load(index), ast.Store())
        statements: list[ast.stmt] = [
            ast.Assign(targets=[ast.Name(name, ast.Store())], value=self.visit(value)) for name, value in temporaries
        ]
        result = ast.Call(
            func=ast.Name("_inplacevar_", ast.Load()),
            args=[
                ast.Constant(IOPERATOR_TO_STR[type(node.op)]),
                self.visit(_located(load, target)),
                self.visit(node.value),
            ],
            keywords=[],
        )
        statements.append(ast.Assign(targets=[self.visit(_located(store, target))], value=result))
        statements.append(ast.Delete(targets=[ast.Name(name, ast.Del()) for name, _ in temporaries]))
        return [_located(statement, node) for statement in statements]

    # -- classes -------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """Keep the line numbers, which RestrictedPython's replacement loses. `object` as a base says nothing."""
        node.bases = [base for base in node.bases if not (isinstance(base, ast.Name) and base.id == "object")]
        replacement = cast("ast.ClassDef", super().visit_ClassDef(node))
        for keyword in replacement.keywords:
            for part in ast.walk(keyword):
                ast.copy_location(part, node)
        return ast.copy_location(replacement, node)


def _advice_on_underscore(what: str, name: str) -> str:
    if name.startswith("__") and name.endswith("__"):
        return f"{what} {name!r} is not allowed; special names that may be defined in a class: " + ", ".join(
            sorted(SPECIAL_METHODS)
        )
    plain = name.strip("_")
    return f"{what} {name!r} begins with '_', which is not allowed" + (f"; write {plain!r}" if plain else "")


def _bound_names(tree: ast.AST) -> Sequence[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.arg):
            names.append(node.arg)
        elif isinstance(node, ast.alias):
            names.append(node.asname or node.name)
    return names


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _located(new: _Node, old: ast.AST) -> _Node:
    return ast.fix_missing_locations(ast.copy_location(new, old))
