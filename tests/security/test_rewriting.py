"""What the transformer makes of a source has no access past the guards, whatever the source is.

Held against every program and attack of the corpus, and against the standard library's own sources, which have all the
syntax there is. Where something is left that no guard sees, its line must have been refused.
"""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest

from task_server.sandbox.policy.namespace import task_globals
from task_server.sandbox.policy.transformer import TaskTransformer
from task_server.sandbox.policy.vocabulary import SPECIAL_METHODS

CORPUS = Path(__file__).parent / "corpus"
LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = (
    *("argparse", "ast", "bdb", "calendar", "cmd", "collections/__init__", "configparser", "contextlib", "copy", "csv"),
    *("dataclasses", "datetime", "difflib", "dis", "doctest", "enum", "fractions", "ftplib", "functools", "inspect"),
    *("json/decoder", "logging/__init__", "mailbox", "optparse", "pathlib", "pickle", "plistlib", "pprint", "pydoc"),
    *("random", "re/_parser", "shutil", "smtplib", "statistics", "string", "tarfile", "tempfile", "textwrap", "typing"),
    *("traceback", "turtle", "types", "unittest/mock", "uuid", "warnings", "weakref", "zipfile", "asyncio/tasks"),
    *("test/test_grammar", "test/test_patma", "test/test_fstring", "test/test_named_expressions", "test/test_scope"),
    *("test/test_descr", "test/test_unpack_ex", "test/test_with", "test/test_generators", "test/test_super"),
)
SOURCES = [*sorted(CORPUS.glob("*/*.py")), *(path for name in MODULES if (path := LIBRARY / f"{name}.py").exists())]
#: The names that only the transformer puts into code.
GUARDS = {name for name in task_globals(print) if name.startswith("_")} - {"__builtins__"}


def is_call_of(node, guard):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == guard


def is_holder(node):
    return node.attr == "value" and isinstance(node.value, ast.Name) and node.value.id.startswith(".")


def may_be_bound(name):
    return name is None or not name.startswith("_") or name == "_"


def bound_names(node):
    """The names that a node binds other than by ast.Name."""
    match node:
        case ast.arg():
            yield node.arg
        case ast.FunctionDef() | ast.ClassDef():
            yield None if node.name in SPECIAL_METHODS else node.name
        case ast.alias():
            yield node.asname
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            yield node.name
        case ast.MatchMapping():
            yield node.rest
        case ast.Global() | ast.Nonlocal():
            yield from node.names
        case ast.keyword() if node.arg != "metaclass":
            yield node.arg
        case ast.MatchClass():
            yield from node.kwd_attrs


def past_the_guards(tree):
    """Nodes that read, change or bind something that no guard sees."""
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ctx=ast.Load()):
                unseen = not is_holder(node)
            case ast.Attribute() | ast.Subscript(ctx=ast.Store() | ast.Del()):
                unseen = not is_call_of(node.value, "_write_")
            case ast.Name(ctx=ast.Load(), id="__class__" | "__name__" | "_metaclass_"):
                unseen = False
            case ast.Name() if node.id in GUARDS:
                # Called, and never handed on.
                unseen = id(node) not in calls
            case ast.Name():
                unseen = not may_be_bound(node.id)
            case ast.MatchClass():
                unseen = not (isinstance(node.cls, ast.Name) and node.cls.id.startswith("."))
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith() | ast.TryStar():
                unseen = True
            case _:
                unseen = False
        if unseen or not all(map(may_be_bound, bound_names(node))):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "-".join(path.with_suffix("").parts[-2:]))
def test_nothing_is_left_past_the_guards(path):
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (SyntaxError, MemoryError, RecursionError):
        return  # refused before the transformer sees it
    transformer = TaskTransformer()
    try:
        transformer.visit(tree)
    except RecursionError:
        return  # refused as nested too deeply
    refused = {finding.line for finding in transformer.findings}
    left = [(node.lineno, ast.unparse(node)[:80]) for node in past_the_guards(tree) if node.lineno not in refused]
    assert left == []


def test_the_check_itself_finds_what_is_past_the_guards():
    source = (
        "x.a\nx.b = 1\nx[0] = 1\ndel x[0]\n_y\ndef f(_z): pass\nimport a as _b\nf(_getattr_)\nmatch x:\n case A(): 1\n"
    )
    assert {node.lineno for node in past_the_guards(ast.parse(source))} == {1, 2, 3, 4, 5, 6, 7, 8, 10}
