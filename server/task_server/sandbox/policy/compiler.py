"""From a task's source to code that only reaches what the guards let it reach."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import CodeType

from task_server.sandbox.finding import MAX_FINDINGS, Finding, shortened
from task_server.sandbox.limits import MAX_SOURCE_BYTES
from task_server.sandbox.policy.transformer import TaskTransformer

#: What a task's own frames say where they come from.
FILE_NAME = "<function_code>"


class Refused(Exception):
    """The source may not run as it is."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(map(str, findings)))
        #: What must be changed: the first 20, in the order of the source.
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Program:
    """Compiled source."""

    code: CodeType
    source: str


def compile_source(source: str, function_name: str) -> Program:
    """Compile the source of a task that is started by calling `function_name`.

    Raises Refused with everything that is wrong, MemoryError for source that takes too much to compile.
    """
    # What editors put before a file's first line is no part of the code.
    source = source.removeprefix("\ufeff")
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        raise Refused([_at_start(f"the code has a character that is no text, at position {error.start}")]) from None
    if size > MAX_SOURCE_BYTES:
        raise Refused([_at_start(f"the code has {size} bytes; at most {MAX_SOURCE_BYTES} are allowed")])
    try:
        tree = ast.parse(source, FILE_NAME)
        defined = list(_functions(tree.body))
        transformer = TaskTransformer()
        transformer.visit(tree)
        findings = transformer.findings[:MAX_FINDINGS]
        if findings:
            findings = _with_columns_in_characters(findings, source)
        if function_name not in defined:
            findings.append(_at_start(_missing_function(function_name, defined)))
        if findings:
            raise Refused(findings[:MAX_FINDINGS])
        return Program(compile(tree, FILE_NAME, "exec", dont_inherit=True), source)
    except SyntaxError as error:
        message = shortened(f"syntax error: {error.msg}")
        raise Refused([Finding(error.lineno or 0, error.offset or 0, message)]) from None
    except RecursionError:
        raise Refused([_at_start("the code is nested too deeply")]) from None
    except ValueError as error:
        raise Refused([_at_start(f"the code can not be read: {error}")]) from None


def source_lines(source: str) -> list[str]:
    """The lines as Python counts them. `str.splitlines` also ends them at form feeds and the like."""
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _with_columns_in_characters(findings: list[Finding], source: str) -> list[Finding]:
    # Syntax trees count bytes of UTF-8.
    lines = [line.encode() for line in ["", *source_lines(source)]]
    return [
        replace(found, column=len(lines[found.line][: found.column - 1].decode(errors="replace")) + 1)
        if 0 < found.line < len(lines) and found.column
        else found
        for found in findings
    ]


def _at_start(message: str) -> Finding:
    return Finding(0, 0, shortened(message))


def _missing_function(name: str, defined: list[str]) -> str:
    has = f"it defines: {', '.join(defined)}" if defined else "it defines no function"
    return f"function_code defines no function {name!r}; {has}"


def _functions(body: Iterable[ast.stmt]) -> Iterable[str]:
    """The functions that exist once the module has run, as far as the source tells."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(statement, part, ()))
