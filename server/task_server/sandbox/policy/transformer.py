"""Rewrites a task's source so that every access goes through a guard, and finds what is not allowed."""

# ruff: noqa: N802 - `ast` finds the methods by the names of the nodes.

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from RestrictedPython.transformer import INSPECT_ATTRIBUTES, IOPERATOR_TO_STR

from task_server.sandbox.finding import Finding, shortened
from task_server.sandbox.policy.facade import names_in
from task_server.sandbox.policy.modules import FACADES, why_not
from task_server.sandbox.policy.nodes import load, located
from task_server.sandbox.policy.patterns import PatternVisitor
from task_server.sandbox.policy.vocabulary import (
    IGNORED_ASSIGNMENTS,
    MISSING_BUILTINS,
    NAMED_TUPLE_ATTRIBUTES,
    READABLE,
    READABLE_ATTRIBUTES,
    RESERVED,
    SPECIAL_METHODS,
    TEXT_ATTRIBUTES,
    instead_of,
    is_special,
    private_name,
)


class TaskTransformer(PatternVisitor):
    """RestrictedPython's transformer, with the habits of ordinary Python let in.

    Beyond it: private names, `super()`, `match`, `d[k] += 1`, `self.n += 1`, annotations, `nonlocal`, more special methods,
    `print` as a function, `if __name__ == ...`. Against it: imports are checked at once, and every refusal says what to
    write instead. Items, iteration and calls have no guards, as they would guard nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[tuple[int, int], Finding] = {}
        self._own_names: frozenset[str] = frozenset()
        self._class_names: list[str] = []
        #: The first parameter of each function around, which is what `super()` means; None for a function without.
        self._first_parameters: list[str | None] = []
        self._in_class_body = False

    def error(self, node: ast.AST, info: str) -> None:
        """Note what is refused; one finding for each place."""
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1
        self._found.setdefault((line, column), Finding(line, column, shortened(info)))

    @property
    def findings(self) -> list[Finding]:
        """What was refused, in the order of the source."""
        return [finding for _, finding in sorted(self._found.items())]

    def warn(self, node: ast.AST, info: str) -> None:
        """RestrictedPython's warnings concern its own way of printing."""

    def not_allowed(self, node: ast.AST) -> None:
        """Refuse a node."""
        self.error(node, instead_of(node))

    def gen_tmp_name(self) -> str:
        """A name that no source can spell."""
        self._tmp_idx += 1
        return f".{self._tmp_idx}"

    # -- names ---------------------------------------------------------------

    def bound_name(self, node: ast.AST, name: str | None) -> str | None:
        """The name under which the code that runs binds it; refuse one that could stand in for a guard."""
        if name is None or name == "_" or name.startswith("."):
            return name
        if name.startswith("_") and not is_special(name):
            return private_name(name, self._class_names[-1] if self._class_names else None)
        if name.startswith("_"):
            self.error(node, _advice_on_special("the name", name))
        elif name in RESERVED:
            self.error(node, f"the name {name!r} is reserved; use another")
        return name

    def check_name(self, node: Any, name: str | None, _allow_magic_methods: bool = False) -> None:
        """What RestrictedPython's own methods call for names that they bind."""
        if name is not None and self.bound_name(node, name) != name:
            self.error(node, f"the name {name!r} can not be bound here; use one without '_'")

    def visit_Module(self, node: ast.Module) -> Any:
        """Learn first which names the source defines itself."""
        self._own_names = frozenset(_bound_names(node))
        return self.node_contents_visit(node)

    def visit_Name(self, node: ast.Name) -> Any:
        """Allow names that can not be confused with a guard's."""
        if isinstance(node.ctx, ast.Load):
            if node.id in READABLE:
                return node
            if node.id == "super":
                self.error(node, "super is not available by itself; call super() in a method")
            self._check_available(node)
        node.id = self.bound_name(node, node.id) or ""
        return node

    def visit_Global(self, node: ast.Global) -> Any:
        """Allow `global` for ordinary names."""
        node.names = [self.bound_name(node, name) or "" for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        """Allow `nonlocal` for ordinary names."""
        node.names = [self.bound_name(node, name) or "" for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        """Allow `except ... as` with an ordinary name."""
        node.name = self.bound_name(node, node.name)
        return self.node_contents_visit(node)

    def _check_available(self, node: ast.Name) -> None:
        if node.id in MISSING_BUILTINS and node.id not in self._own_names:
            self.error(node, f"{node.id!r} is not available here: {MISSING_BUILTINS[node.id]}")

    # -- attributes, items, calls --------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Read through a guard, change through `_write_`, and refuse early what the guards would refuse at run time."""
        name = node.attr
        special = is_special(name)
        loads = isinstance(node.ctx, ast.Load)
        reads_special = loads and (
            name in READABLE_ATTRIBUTES or (name in SPECIAL_METHODS and _is_super_call(node.value))
        )
        if special and not reads_special and not (loads and name in TEXT_ATTRIBUTES):
            self.error(node, _advice_on_special("the attribute", name))
        elif name in INSPECT_ATTRIBUTES:
            self.error(
                node, f"the attribute {name!r} belongs to the interpreter and is not readable here; leave it out"
            )
        elif name.startswith("_") and name != "_" and not special and not (loads and name in NAMED_TUPLE_ATTRIBUTES):
            name = private_name(name, self._class_names[-1] if self._class_names else None)
        owner = self.visit(node.value)
        if loads:
            guard = load("_special_" if reads_special else "_getattr_")
            return located(ast.Call(guard, [owner, ast.Constant(name)], []), node)
        node.attr = name
        node.value = located(ast.Call(load("_write_"), [owner], []), node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """Change items through `_write_`; reading them needs no guard."""
        owner = node.value
        self.node_contents_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.value = located(ast.Call(load("_write_"), [node.value], []), owner)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        """Give `super()` what it means; any other call needs no guard."""
        if _is_super_call(node):
            return self._super(node)
        return self.node_contents_visit(node)

    def _super(self, node: ast.Call) -> ast.AST:
        if node.args or node.keywords:
            arguments = [self.visit(argument) for argument in node.args]
            if len(arguments) != 2 or node.keywords:
                self.error(node, "super takes no arguments, or the class and the object; write super()")
        elif not self._class_names or not self._first_parameters or self._first_parameters[-1] is None:
            self.error(node, "super() means nothing here; call it in a method with a first parameter")
            return node
        else:
            arguments = [load("__class__"), load(self._first_parameters[-1])]
        return located(ast.Call(load("_super_"), arguments, []), node)

    def visit_keyword(self, node: ast.keyword) -> Any:
        """Allow arguments by ordinary names: what is private is called otherwise where it is bound."""
        if node.arg is not None and node.arg.startswith("_"):
            self.error(node, f"the argument {node.arg!r} can not be given by name; give it by position")
        return self.node_contents_visit(node)

    def guard_iter(self, node: Any) -> Any:
        """Iteration needs no guard."""
        return self.node_contents_visit(node)

    # -- imports -------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> Any:
        """Allow the modules that have a facade."""
        self._refuse_lazy(node)
        for alias in node.names:
            if alias.name not in FACADES:
                self._refuse_import(node, alias.name)
            alias.asname = self.bound_name(node, alias.asname)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Allow the names that a facade has. Features of the future are dropped: annotations are never evaluated."""
        if node.module == "__future__" and not node.level:
            return ast.copy_location(ast.Pass(), node)
        self._refuse_lazy(node)
        for alias in node.names:
            alias.asname = self.bound_name(node, alias.asname)
        if node.level or node.module is None or node.module not in FACADES:
            self._refuse_import(node, "." * node.level + (node.module or ""))
            return node
        names = names_in(FACADES[node.module])
        for alias in node.names:
            if alias.name not in names:
                allowed = ", ".join(sorted(names))
                self.error(node, f"{alias.name!r} of {node.module!r} is not available; it has: {allowed}")
        return node

    def _refuse_lazy(self, node: ast.Import | ast.ImportFrom) -> None:
        # Of Python 3.15: at its first use it would be resolved past the import guard.
        if getattr(node, "is_lazy", 0):
            self.error(node, "lazy imports are not allowed; write an ordinary import")

    def _refuse_import(self, node: ast.AST, name: str) -> None:
        self.error(node, why_not(name))

    # -- assignments ---------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Allow assignments. A few that only importers look at are dropped."""
        if all(isinstance(target, ast.Name) and target.id in IGNORED_ASSIGNMENTS for target in node.targets):
            return ast.copy_location(ast.Pass(), node)
        return self.node_contents_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """`x: int = 1` is `x = 1`; `x: int` is nothing."""
        if node.value is None:
            self.visit(node.target)
            return ast.copy_location(ast.Pass(), node)
        return self.visit(located(ast.Assign(targets=[node.target], value=node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Of `f(x).n += v` the reading goes through one guard and the writing through another, and `f(x)` is called once."""
        target = node.target
        if not isinstance(target, ast.Attribute):
            return self.node_contents_visit(node)
        holder = self.gen_tmp_name()
        held = ast.Assign(targets=[ast.Name(holder, ast.Store())], value=self.visit(target.value))
        read = self.visit(located(ast.Attribute(load(holder), target.attr, ast.Load()), target))
        written = self.visit(located(ast.Attribute(load(holder), target.attr, ast.Store()), target))
        operation = ast.Constant(IOPERATOR_TO_STR[type(node.op)])
        result = ast.Call(load("_inplacevar_"), [operation, read, self.visit(node.value)], [])
        statements = [
            held,
            ast.Assign(targets=[written], value=result),
            ast.Delete(targets=[ast.Name(holder, ast.Del())]),
        ]
        return [located(statement, node) for statement in statements]

    def visit_TemplateStr(self, node: ast.AST) -> Any:
        """Of Python 3.14: nothing here makes text of them."""
        self.not_allowed(node)

    def visit_With(self, node: ast.With) -> Any:
        """Allow `with`."""
        return self.node_contents_visit(node)

    # -- functions and classes -----------------------------------------------

    def visit_arg(self, node: ast.arg) -> Any:
        """Drop the annotation."""
        node.annotation = None
        node.arg = self.bound_name(node, node.arg) or ""
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Allow functions, and in a class the special methods that are harmless. Annotations and type parameters are dropped."""
        if not (self._in_class_body and node.name in SPECIAL_METHODS):
            node.name = self.bound_name(node, node.name) or ""
        node.returns = None
        if hasattr(node, "type_params"):
            node.type_params = []
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.body = self._body(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        """Allow lambda."""
        node.args = self.visit(node.args)
        self._first_parameters.append(None)
        node.body = self.visit(node.body)
        self._first_parameters.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """Allow classes. `_metaclass_` makes them, and is told which names are annotated."""
        for keyword in node.keywords:
            self.error(node, f"the class argument {keyword.arg or '**'!r} is not allowed; leave it out")
        original = node.name
        node.name = self.bound_name(node, node.name) or ""
        if hasattr(node, "type_params"):
            node.type_params = []
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        self._class_names.append(original)
        names = [self.bound_name(node, name) or "" for name in _annotated_names(node)]
        node.body = self._body(node)
        self._class_names.pop()
        fields = ast.Tuple([ast.Constant(name) for name in dict.fromkeys(names)], ast.Load())
        node.keywords = [ast.keyword("metaclass", load("_metaclass_"))]
        if names:
            node.keywords.append(ast.keyword("fields", fields))
        for keyword in node.keywords:
            for part in ast.walk(keyword):
                ast.copy_location(part, node)
        return node

    def _body(self, node: ast.FunctionDef | ast.ClassDef) -> list[ast.stmt]:
        outside = self._in_class_body
        self._in_class_body = isinstance(node, ast.ClassDef)
        if isinstance(node, ast.FunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args]
            self._first_parameters.append(parameters[0].arg if parameters else None)
        body: list[ast.stmt] = []
        for statement in node.body:
            visited = self.visit(statement)
            body += visited if isinstance(visited, list) else [visited] if visited is not None else []
        if isinstance(node, ast.FunctionDef):
            self._first_parameters.pop()
        self._in_class_body = outside
        return body


def _is_super_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _advice_on_special(what: str, name: str) -> str:
    if name.startswith("__") and name.endswith("__"):
        return f"{what} {name!r} is not allowed; special methods that a class may define: " + ", ".join(
            sorted(SPECIAL_METHODS)
        )
    plain = name.strip("_")
    return f"{what} {name!r} begins and ends with '_', which is not allowed; write {plain!r}"


def _annotated_names(node: ast.ClassDef) -> list[str]:
    """The names that the body of a class annotates, but for those that are said to be the class' own."""
    return [
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and "ClassVar" not in ast.unparse(statement.annotation)
    ]


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
