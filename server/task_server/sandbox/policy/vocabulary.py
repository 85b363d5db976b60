"""The names that have a special meaning in a task's source."""

from __future__ import annotations

import ast

#: The special methods that a class may define. The interpreter calls none of them with anything that the task does not
#: hold already, but for the traceback that `__exit__` gets, and of that no attribute can be read. What is left out
#: answers for attributes (`__getattr__`), makes objects (`__new__`, `__reduce__`), runs at no certain time (`__del__`),
#: hands C code numbers and memory amid its work (`__index__`, `__buffer__`), or has no ordinary use in a task.
SPECIAL_METHODS = frozenset(
    {
        *("__init__", "__post_init__", "__str__", "__repr__", "__format__", "__bytes__", "__bool__", "__hash__"),
        *("__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__", "__call__", "__enter__", "__exit__"),
        *("__len__", "__iter__", "__next__", "__reversed__", "__contains__", "__missing__"),
        *("__getitem__", "__setitem__", "__delitem__"),
        *("__neg__", "__pos__", "__abs__", "__invert__", "__int__", "__float__", "__complex__"),
        *("__round__", "__trunc__", "__floor__", "__ceil__"),
    }
    | {
        f"__{side}{operator}__"
        for side in ("", "r", "i")
        for operator in (
            *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
            *("lshift", "rshift", "and", "or", "xor"),
        )
    }
    | {"__divmod__", "__rdivmod__"}
)

#: Special attributes that are text or nothing.
TEXT_ATTRIBUTES = frozenset({"__name__", "__doc__"})
#: Special attributes that may be read in source, of the objects that the guard allows it of; it answers with a class that
#: is no metaclass, a copy, or a method of a task's own class.
READABLE_ATTRIBUTES = frozenset({"__class__", "__dict__", "__init__"})

#: Of a named tuple: ordinary methods under names that tuples can not lend to fields.
NAMED_TUPLE_ATTRIBUTES = frozenset({"_asdict", "_replace", "_make", "_fields"})

#: Names that may be read but not bound.
READABLE = frozenset({"print", "__name__"})

#: Names that may not be bound.
RESERVED = frozenset({"print", "builtins", "breakpoint", "super"})

#: Assignments that mean something only to who imports a module, or to memory.
IGNORED_ASSIGNMENTS = frozenset({"__all__", "__author__", "__slots__", "__version__"})

#: Builtins that are missing, with what to do instead. A task may define such a name itself.
MISSING_BUILTINS = {
    "open": "there are no files; pass data by task_args and return values",
    "input": "there is nobody to ask; pass data by task_args",
    "exec": "write the code itself",
    "eval": "write the expression itself, or use json.loads for data",
    "compile": "write the code itself",
    "globals": "use a dict of your own",
    "locals": "use a dict of your own",
    "dir": "name the attributes",
    "exit": "use return",
    "quit": "use return",
    "bytearray": "use a list of numbers or bytes",
    "memoryview": "use bytes",
    "breakpoint": "use print",
    "help": "use print",
    "ExceptionGroup": "raise the first of them, or put them into the args of one exception",
    "BaseExceptionGroup": "raise the first of them, or put them into the args of one exception",
    "aiter": "write an ordinary for",
    "anext": "use next",
}

#: Statements and expressions that are refused, with what to write instead. Of Python 3.12 and later by their names.
INSTEAD = {
    "AsyncFunctionDef": "async functions are not allowed; write an ordinary function",
    "AsyncFor": "async for is not allowed; write an ordinary for",
    "AsyncWith": "async with is not allowed; write an ordinary with",
    "Await": "await is not allowed; call an ordinary function",
    "TryStar": "except* is not allowed; write except",
    "TypeAlias": "the type statement is not allowed; write a comment, or leave it out",
    "TemplateStr": "template strings are not allowed; write an f-string",
}

_PRIVATE = "."


def is_special(name: str) -> bool:
    """Whether Python, or RestrictedPython, gives the name its meaning: `__x__` or `_x_`."""
    return len(name) > 2 and name.startswith("_") and name.endswith("_") and name.strip("_") != ""


def private_name(name: str, class_name: str | None = None) -> str:
    """What a private name of a task, `_x` or in a class `__x`, is called in the code that runs.

    It begins with a dot. So no name of a task is ever one of a guard or of the interpreter, whatever it is and wherever it
    is bound, and a private attribute is one that the task made: no object of the standard library has such names.
    """
    if class_name and name.startswith("__"):
        name = f"_{class_name.lstrip('_.')}{name}"
    return _PRIVATE + name


def shown_name(name: str) -> str:
    """A private name as its author wrote it."""
    return name.removeprefix(_PRIVATE)


def instead_of(node: ast.AST) -> str:
    """Why a node is refused, and what to write."""
    kind = type(node).__name__
    return INSTEAD.get(kind, f"{kind} is not allowed; write it with ordinary statements")
