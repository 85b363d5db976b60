"""What is refused: the line, the words, and what to write instead."""

from __future__ import annotations

import pytest

from task_server.sandbox.policy.compiler import Refused, compile_source

RUN = "def run(): pass\n"
REFUSALS = [
    # -- what is no Python
    ("def run():\n    return 1 +\n", 2, "syntax error: invalid syntax"),
    ("def run(:\n", 1, "syntax error"),
    ("def run():\n\tx = 1\n        y = 2\n", 3, "syntax error: inconsistent use of tabs"),
    ("def run():\n    return 1\n  x = 2\n", 3, "syntax error: unindent does not match"),
    ("return 1\ndef run(): pass\n", 1, "syntax error: 'return' outside function"),
    ("def run():\n    x = 'ä' + §\n", 2, "syntax error: invalid character"),
    # -- modules
    (
        "import os\n" + RUN,
        1,
        "import of 'os' is not allowed (there are no files and no environment; pass data by task_args)",
    ),
    ("import numpy as np\n" + RUN, 1, "use lists, math and statistics); available are: abc, base64, "),
    ("import frobnicate\n" + RUN, 1, "import of 'frobnicate' is not allowed; available are: abc, base64, "),
    ("def run():\n    import os.path\n", 2, "import of 'os.path'"),
    ("import urllib.request\n" + RUN, 1, "there is no network; make a task with api_url"),
    ("from . import x\n" + RUN, 1, "import of '.'"),
    ("from ..a import x\n" + RUN, 1, "import of '..a'"),
    ("from math import *\n" + RUN, 1, "'*' of 'math' is not available; it has: acos, "),
    (
        "from json import codecs\n" + RUN,
        1,
        "'codecs' of 'json' is not available; it has: JSONDecodeError, dumps, loads",
    ),
    # -- names
    (
        "def _getattr_(): pass\n" + RUN,
        1,
        "the name '_getattr_' begins and ends with '_', which is not allowed; write 'getattr'",
    ),
    ("def run(_write_): pass\n", 1, "the name '_write_' begins and ends with '_'"),
    ("def run():\n    global _getattr_\n", 2, "'_getattr_'"),
    ("def run():\n    def f():\n        nonlocal __x__\n    __x__ = 1\n", 3, "the name '__x__' is not allowed"),
    ("import json as __json__\n" + RUN, 1, "'__json__'"),
    ("def run():\n    try: pass\n    except ValueError as __e__: pass\n", 3, "'__e__'"),
    ("def run():\n    return [__x__ := 1]\n", 2, "'__x__'"),
    ("def run():\n    return __file__\n", 2, "the name '__file__' is not allowed"),
    ("def run():\n    return dict(_x=1)\n", 2, "the argument '_x' can not be given by name; give it by position"),
    ("print = 1\n" + RUN, 1, "the name 'print' is reserved; use another"),
    ("class print: pass\n" + RUN, 1, "the name 'print' is reserved"),
    # -- builtins that are missing
    (
        "def run():\n    return open('x')\n",
        2,
        "'open' is not available here: there are no files; pass data by task_args",
    ),
    ("def run():\n    return input()\n", 2, "'input' is not available here: there is nobody to ask"),
    ("def run():\n    return eval('1')\n", 2, "'eval' is not available here: write the expression itself"),
    ("def run():\n    exec('1')\n", 2, "'exec' is not available here: write the code itself"),
    ("def run():\n    return compile('1', '', 'eval')\n", 2, "'compile' is not available here"),
    ("def run():\n    return globals()\n", 2, "use a dict of your own"),
    ("def run():\n    return locals()\n", 2, "use a dict of your own"),
    ("def run():\n    return dir()\n", 2, "name the attributes"),
    ("def run():\n    return bytearray(1)\n", 2, "use a list of numbers or bytes"),
    ("def run():\n    return memoryview(b'')\n", 2, "use bytes"),
    ("def run():\n    exit()\n", 2, "use return"),
    ("def run():\n    breakpoint()\n", 2, "use print"),
    ("def run():\n    raise ExceptionGroup('x', [])\n", 2, "raise the first of them"),
    # -- attributes
    ("def run():\n    return ().__bases__\n", 2, "the attribute '__bases__' is not allowed; special methods"),
    (
        "def run():\n    return ()._x_\n",
        2,
        "the attribute '_x_' begins and ends with '_', which is not allowed; write 'x'",
    ),
    ("def run():\n    x.__class__ = 1\n", 2, "the attribute '__class__' is not allowed"),
    ("def run():\n    del x.__dict__\n", 2, "the attribute '__dict__' is not allowed"),
    ("def run():\n    x.__y__ += 1\n", 2, "the attribute '__y__' is not allowed"),
    ("def run():\n    x = (y for y in [])\n    return x.gi_frame\n", 3, "'gi_frame' belongs to the interpreter"),
    # -- functions and classes
    ("async def run(): pass\n", 1, "async functions are not allowed; write an ordinary function"),
    ("def run():\n    async def f():\n        async for x in y: pass\n", 2, "write an ordinary function"),
    ("class A(metaclass=int): pass\n" + RUN, 1, "the class argument 'metaclass' is not allowed; leave it out"),
    ("class A(**x): pass\n" + RUN, 1, "the class argument '**' is not allowed"),
    (
        "class A:\n    def __getattr__(self, n): pass\n" + RUN,
        2,
        "the name '__getattr__' is not allowed; special methods that",
    ),
    ("class A:\n    __call__ = 1\n" + RUN, 2, "the name '__call__' is not allowed"),
    ("def __iter__(): pass\n" + RUN, 1, "the name '__iter__' is not allowed"),
    ("def run():\n    return super\n", 2, "super is not available by itself; call super() in a method"),
    ("def run():\n    return super().x\n", 2, "super() means nothing here; call it in a method"),
    ("class A:\n    def f(): return super().x\n" + RUN, 2, "super() means nothing here"),
    (
        "class A:\n    def f(self): return super(A).x\n" + RUN,
        2,
        "super takes no arguments, or the class and the object",
    ),
    ("super = 1\n" + RUN, 1, "the name 'super' is reserved"),
    # -- statements
    ("def run():\n    try: pass\n    except* ValueError: pass\n", 2, "except* is not allowed; write except"),
    (
        "def run():\n    match x:\n        case A(__class__=c): pass\n",
        3,
        "'__class__' can not be read by a pattern; bind",
    ),
    ("def run():\n    match x:\n        case A(obj=c): pass\n", 3, "'obj' can not be read by a pattern"),
    ("def run():\n    match x:\n        case [*__x__]: pass\n", 3, "the name '__x__' is not allowed"),
]


@pytest.mark.parametrize(("source", "line", "words"), REFUSALS)
def test_a_refusal_names_the_line_and_the_way_out(source, line, words):
    with pytest.raises(Refused) as refused:
        compile_source(source, "run")
    found = refused.value.findings[0]
    assert found.line == line
    assert words in found.message


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("\ufeffimport os\n", (1, 1)),
        ("# -*- coding: latin-1 -*-\nimport os\n", (2, 1)),
        ("x = 1\r\nimport os\r\n", (2, 1)),
        ("x = 1\rimport os\r", (2, 1)),
        ("x = 1\n\x0cimport os\n", (2, 2)),
        ("x = '''a\x0cb\x1c\u2028'''\nimport os\n", (2, 1)),
        ("é = 'üü'; import os\n", (1, 11)),
        ("x = '𝄞'; y = x.gi_frame\n", (1, 14)),
        ("x = 1; import os; import sys\n", (1, 8)),
    ],
)
def test_places_are_those_that_an_editor_shows(source, place):
    with pytest.raises(Refused) as refused:
        compile_source(source + RUN, "run")
    found = refused.value.findings[0]
    assert (found.line, found.column) == place


def test_a_traceback_shows_the_lines_that_python_counts(sandbox):
    source = (
        "x = '''\x0c\x1c\u2028'''\r\ndef _fail(_n):\r\n    raise ValueError('._here')\r\ndef run():\r\n    _fail(1)\r\n"
    )
    assert sandbox.run(source).failure.traceback.splitlines()[1:5] == [
        '  File "<function_code>", line 5, in run',
        "    _fail(1)",
        '  File "<function_code>", line 3, in _fail',
        "    raise ValueError('._here')",
    ]


@pytest.mark.parametrize(
    ("top", "statement", "error"),
    [
        ("", "_helper()", "NameError: name '_helper' is not defined"),
        ("def _f(_x): pass", "_f()", "TypeError: _f() missing 1 required positional argument: '_x'"),
        (
            "class _A:\n    def _go(self, _x): pass",
            "_A()._go()",
            "TypeError: _A._go() missing 1 required positional argument: '_x'",
        ),
        ("", "object()._x", "AttributeError: 'object' object has no attribute '_x'"),
        ("", "raise ValueError('a._x and b[0]._y stay')", "ValueError: a._x and b[0]._y stay"),
        ("class _E(Exception): pass", "raise _E('x')", "_E: x"),
    ],
)
def test_private_names_are_shown_as_they_were_written(sandbox, top, statement, error):
    assert sandbox.failure(f"{top}\ndef run():\n    {statement}\n") == ("EXCEPTION", error)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "len.x = 1",
            "an object of type 'builtin_function_or_method' can not be changed; keep the value in a dict, or in a class",
        ),
        ("(1, 2)[0] = 1", "an object of type 'tuple' can not be changed"),
        ("math.pi = 3", "can not be changed"),
        ("class A(str): pass", "a class may not derive from str; keep such a value in an attribute"),
        ("class A(datetime.date): pass", "a class may not derive from date"),
        ("type(len)", "the type of a builtin_function_or_method is not available; use isinstance or callable"),
        ("type('A', (), {})", "type() takes one argument here; write a class statement to make a class"),
        ("vars(1)", "vars() is for objects of your own classes"),
        ("getattr([], '__class__')", "the attribute '__class__' is not allowed"),
        ("print(1, file=2)", "print(file=...) is for io.StringIO"),
        ("print(1, end=2)", "sep and end must be text"),
        ("print(1, foo=2)", "print(foo=...) is not allowed"),
        ("zoneinfo.ZoneInfo('Nowhere')", "there is no time zone 'Nowhere'; names are like 'Europe/Berlin'"),
        (
            "match datetime.date(2026, 1, 1):\n        case datetime.date(year=y): pass",
            "a pattern can not read attributes of a date; bind it with 'as', and use if",
        ),
        ("math.nothing", "module 'math' has no 'nothing' here; it has: acos"),
        ("(lambda: (yield))().gi_running", "the attribute 'gi_running' of this object is not allowed"),
    ],
)
def test_a_refusal_at_run_time_says_what_to_do(sandbox, statement, words):
    reason, error = sandbox.failure(f"import datetime, math, zoneinfo\ndef run():\n    {statement}\n")
    assert reason == "EXCEPTION"
    assert words in error
