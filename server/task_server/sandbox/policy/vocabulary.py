"""The names that have a special meaning in a task's source."""

from __future__ import annotations

import ast

#: The special methods that a class may define, with RestrictedPython's own. None of them is called by the interpreter
#: with anything that the task does not already hold.
SPECIAL_METHODS = frozenset(
    {
        *("__init__", "__contains__", "__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"),
        *("__str__", "__repr__", "__len__", "__iter__", "__next__", "__getitem__", "__setitem__", "__delitem__"),
        *("__enter__", "__exit__", "__call__", "__bool__", "__hash__"),
        *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__neg__", "__abs__"),
    }
)

#: Names that may be read but not bound.
READABLE = frozenset({"print", "__name__"})

#: Names that may not be bound.
RESERVED = frozenset({"print", "builtins", "breakpoint"})

#: Builtins that are missing, with what to do instead. A task may define such a name itself.
MISSING_BUILTINS = {
    "open": "there are no files; pass data by task_args and return values",
    "input": "there is nobody to ask; pass data by task_args",
    "exec": "write the code itself",
    "eval": "write the expression itself, or use json.loads for data",
    "compile": "write the code itself",
    "globals": "use a dict of your own",
    "locals": "use a dict of your own",
    "vars": "use a dict of your own",
    "dir": "name the attributes",
    "type": "use isinstance(value, SomeClass)",
    "object": "leave the base class out",
    "super": "call a method of another name, or leave inheritance out",
    "exit": "use return",
    "quit": "use return",
    "bytearray": "use a list of numbers or bytes",
    "memoryview": "use bytes",
    "breakpoint": "use print",
}

#: Statements and expressions that are refused, with what to write instead.
INSTEAD: dict[type[ast.AST], str] = {
    ast.AsyncFunctionDef: "async functions are not allowed; write an ordinary function",
    ast.AsyncFor: "async for is not allowed; write an ordinary for",
    ast.AsyncWith: "async with is not allowed; write an ordinary with",
    ast.Await: "await is not allowed; call an ordinary function",
    ast.Match: "match is not allowed; write if and elif",
    ast.TryStar: "except* is not allowed; write except",
}
