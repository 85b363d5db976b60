"""Ordinary Python that must work, and what is refused with its line and a way out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from task_server.sandbox.jobs import call_job
from task_server.sandbox.policy.compiler import Refused, compile_source


def findings(source, name="run"):
    with pytest.raises(Refused) as refused:
        compile_source(source, name)
    return [(found.line, found.message) for found in refused.value.findings]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("d = {'a': [1, 2, 3]}\nd['a'][1] += 5\nreturn d['a']", [1, 7, 3]),
        ("x = [1, 2, 3, 4]\nx[1:3] += [9]\nreturn x", [1, 2, 3, 9, 4]),
        ("x = [3]\nx[0] **= 2\nx[-1] -= 1\nreturn x", [8]),
        ("def inner():\n    nonlocal n\n    n += 1\nn = 0\ninner()\nreturn n", 1),
        ("return [f'{x:>3}|{x!r}' for x in 'ab']", ["  a|'a'", "  b|'b'"]),
        ("return '{0[a]}-{1:03d}-{name!s:>4}'.format({'a': 1}, 7, name='x')", "1-007-   x"),
        ("return '{a}{b.year}'.format_map({'a': 1, 'b': datetime.date(2026, 1, 2)})", "12026"),
        ("a, (b, *c) = 1, (2, 3, 4)\nreturn [a, b, c]", [1, 2, [3, 4]]),
        ("return (lambda *a, **k: [list(a), k])(*[1], **{'z': 2})", [[1], {"z": 2}]),
        ("if (n := 3) > 2:\n    return n", 3),
        ("try:\n    return {}['x']\nexcept KeyError as e:\n    return str(e)\nfinally:\n    print('done')", "'x'"),
        ("printed = 1\nreturn printed", 1),
        ("return __name__ == '__main__'", False),
        ("return isinstance(getattr([], 'append', None), int) or hasattr([], 'nothing')", False),
        ("x: list[int] = [1]\ny: Optional[str]\nreturn x", [1]),
    ],
)
def test_ordinary_python_works(sandbox, body, expected):
    indented = "\n".join("    " + line for line in body.splitlines())
    source = (
        f"from __future__ import annotations\nfrom typing import Optional\nimport datetime\ndef run():\n{indented}\n"
    )
    assert sandbox.value(source) == expected


def test_ordinary_classes_work(sandbox):
    source = """
class Shape(object):
    count = 0
    def __init__(self, name): self.name = name; Shape.count += 1
    def __repr__(self): return f"<{self.name}>"
    @property
    def loud(self): return self.name.upper()
    @staticmethod
    def make(name): return Shape(name)
class Bag(Shape):
    def __init__(self):
        Shape.make("inner")
        self.items = {}
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, key): return self.items[key]
    def __setitem__(self, key, value): self.items[key] = value
    def __call__(self, key): return self[key]
    def __bool__(self): return True
    def __hash__(self): return 7
    def __add__(self, other): return len(self) + other
    def __enter__(self): return self
    def __exit__(self, *exc): return True
def run():
    bag = Bag()
    bag["a"] = 1
    bag["a"] += 1
    bag.items["b"] = 5
    with bag as same:
        raise ValueError("swallowed")
    return [len(bag), list(bag), bag("a"), bool(bag), hash(bag), bag + 1, repr(Shape("s")), Shape("t").loud, Shape.count]
"""
    assert sandbox.value(source) == [2, ["a", "b"], 2, True, 7, 3, "<s>", "T", 3]


def test_an_assignment_in_place_evaluates_its_target_once_and_in_order(sandbox):
    source = """
order = []
def note(x, value):
    order.append(x)
    return value
def run():
    d = {"k": 1}
    note("target", d)[note("index", "k")] += note("value", 2)
    return [order, d]
"""
    assert sandbox.value(source) == [["target", "index", "value"], {"k": 3}]


def test_a_decorator_may_use_wraps(sandbox):
    source = """
import functools
def twice(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args) * 2
    return wrapper
@twice
def run(x):
    return x
"""
    assert sandbox.value(source, 4) == 8


def test_runs_do_not_share_random_numbers(sandbox):
    source = "import random\ndef run():\n    return random.random()\n"
    assert len({sandbox.value(source) for _ in range(5)}) == 5


def test_a_name_that_the_source_defines_itself_is_no_missing_builtin():
    compile_source("def open(x):\n    return x\ndef run():\n    return open(1)\n", "run")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def a(): pass\ndef b(): pass\n", "function_code defines no function 'run'; it defines: a, b"),
        ("x = 1\n", "function_code defines no function 'run'; it defines no function"),
        ("class run: pass\n", "it defines no function"),
        ("class A:\n    def run(self): pass\n", "it defines no function"),
        ("", "it defines no function"),
    ],
)
def test_a_missing_function_is_said_with_those_that_are_there(source, words):
    assert words in findings(source)[0][1]


@pytest.mark.parametrize("source", ["run = lambda: 1\n", "try:\n    def run(): pass\nexcept ValueError:\n    pass\n"])
def test_a_function_may_be_made_in_other_ways(source):
    compile_source(source, "run")


def test_a_private_function_may_be_the_one_that_is_called(sandbox):
    job = call_job("def _run(x):\n    return x\n", "_run", [3], {})
    assert sandbox.supervisor.start(job, sandbox.limits, lambda _text: None).wait().result == b"3"


def test_all_is_said_at_once_in_the_order_of_the_source_but_not_more_than_twenty():
    source = "import os\ndef go():\n    return ().__bases__\nimport sys\n"
    assert [line for line, _ in findings(source)] == [1, 3, 4, 0]
    assert len(findings("import os\n" * 100)) == 20


@pytest.mark.parametrize("source", ["def run(): pass\0", "\ud800", "x = " + "(" * 10_000, "x" * 300_000])
def test_source_that_can_not_be_read_is_refused(source):
    assert findings(source)


def test_what_is_refused_at_creation_is_refused_when_run(sandbox):
    assert sandbox.failure("import os\ndef run(): pass\n") == (
        "CODE_REFUSED",
        findings("import os\ndef run(): pass\n")[0][1].join(["line 1: ", ""]),
    )


def test_what_zygotes_load_does_nothing_after_each_fork():
    # Threading takes a third of a millisecond of it.
    program = (
        "import sys\nfrom task_server.sandbox import runner\nrunner.prepare()\nprint('threading' in sys.modules)\n"
    )
    loaded = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout == "False\n"
