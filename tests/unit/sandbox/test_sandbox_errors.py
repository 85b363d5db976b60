"""What an author sees of their own errors."""

from __future__ import annotations

import pytest


def test_an_exception_has_the_users_lines_and_nothing_of_ours(sandbox):
    source = """def check(value):
    if value < 0:
        raise ValueError("bad")


def run(value):
    return [check(item) for item in value]
"""
    ending = sandbox.run(source, [1, -1])

    assert ending.failure is not None
    assert (ending.failure.reason, ending.failure.error) == ("EXCEPTION", "ValueError: bad")
    assert ending.failure.traceback == (
        "Traceback (most recent call last):\n"
        '  File "<function_code>", line 7, in run\n'
        "    return [check(item) for item in value]\n"
        '  File "<function_code>", line 7, in <listcomp>\n'
        "    return [check(item) for item in value]\n"
        '  File "<function_code>", line 3, in check\n'
        '    raise ValueError("bad")\n'
        "ValueError: bad\n"
    ).replace(*_listcomp_of_this_python())


def _listcomp_of_this_python():
    import sys

    frame = '  File "<function_code>", line 7, in <listcomp>\n    return [check(item) for item in value]\n'
    return (frame, frame) if sys.version_info < (3, 12) else (frame, "")


def test_lines_are_right_behind_classes_prints_and_rewritten_assignments(sandbox):
    source = """
class Counter:
    total: int = 0

    def add(self):
        self.total += 1
        print(self.total)
        d = {}
        d["a"] += self.total
        return d


def run():
    return Counter().add()
"""
    ending = sandbox.run(source)

    assert ending.failure is not None
    assert ending.failure.error == "KeyError: 'a'"
    assert 'line 9, in add\n    d["a"] += self.total\n' in ending.failure.traceback
    assert "line 14, in run\n    return Counter().add()\n" in ending.failure.traceback


def test_causes_and_contexts_are_shown(sandbox):
    source = """
def run():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise ValueError("outer") from error
"""
    traceback = sandbox.run(source).failure.traceback
    assert traceback.index("ZeroDivisionError: division by zero") < traceback.index("direct cause")
    assert traceback.endswith("ValueError: outer\n")


def test_an_endless_recursion_is_shown_in_short(sandbox):
    ending = sandbox.run("def run():\n    return run()\n")
    assert ending.failure.error.startswith("RecursionError")
    assert "more calls]" in ending.failure.traceback
    assert len(ending.failure.traceback) < 3_000


def test_top_level_code_fails_like_any_other(sandbox):
    ending = sandbox.run("x = 1\ny = x / 0\ndef run():\n    return 1\n")
    assert ending.failure.error == "ZeroDivisionError: division by zero"
    assert "line 2, in <module>" in ending.failure.traceback


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_no_exception_gets_past_the_run(sandbox, name):
    assert sandbox.failure(f"def run():\n    raise {name}()\n") == ("EXCEPTION", name)


def test_an_exception_that_can_not_be_shown_is_named(sandbox):
    source = """
class Odd(Exception):
    def __str__(self):
        raise KeyError("inside")
def run():
    raise Odd()
"""
    assert sandbox.failure(source) == ("EXCEPTION", "Odd: <its message can not be made: KeyError>")


def test_a_message_that_holds_itself_or_is_huge_is_bounded(sandbox):
    itself = "def run():\n    e = ValueError()\n    e.args = (e,)\n    raise e\n"
    assert sandbox.run(itself).failure.reason == "EXCEPTION"
    assert len(sandbox.run("def run():\n    raise ValueError('M' * 10 ** 7)\n").failure.error) < 2_000


def test_nul_characters_never_get_out(sandbox):
    seen = []
    ending = sandbox.run("def run():\n    print('a\\0b')\n    raise ValueError('c\\0d\\ud800')\n", log=seen.append)
    assert "".join(seen) == "a\N{SYMBOL FOR NULL}b\n"
    assert ending.failure.error == "ValueError: c\N{SYMBOL FOR NULL}d\\ud800"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{1, 2}", "the result is of type set"),
        ("{'a': [1, lambda: 1]}", "the result['a'][1] is of type function"),
        ("float('nan')", "the number nan"),
        ("[float('-inf')]", "the result[0] is the number -inf"),
        ("2 ** 4096", "an integer of more than 4096 bits"),
        ("b'x'", "of type bytes"),
        ("{(1, 2): 3}", "a dict with a key of type tuple"),
        ("{1: 'a', '1': 'b'}", "two keys that are '1'"),
        ("'\\ud800'", "half of a surrogate pair"),
        ("(x for x in [])", "of type generator"),
    ],
)
def test_a_result_that_is_no_json_says_which_part_and_why(sandbox, value, message):
    reason, error = sandbox.failure(f"def run():\n    return {value}\n")
    assert reason == "RESULT_NOT_JSON"
    assert message in error


def test_a_result_nested_too_deep_or_holding_itself_is_no_json(sandbox):
    assert sandbox.failure("def run():\n    x = []\n    x.append(x)\n    return x\n")[0] == "RESULT_NOT_JSON"


def test_a_small_object_that_is_large_when_written_is_too_large(sandbox):
    source = "def run():\n    x = ['lol']\n    for _ in range(20):\n        x = [x, x]\n    return x\n"
    assert sandbox.failure(source)[0] == "RESULT_TOO_LARGE"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2 ** 4096 - 1", 2**4096 - 1),
        ("{'a': (1, 2.5, None, True), 3: '任务'}", {"a": [1, 2.5, None, True], "3": "任务"}),
        ("collections.Counter('aab')", {"a": 2, "b": 1}),
        ("collections.namedtuple('P', 'x y')(1, 2)", [1, 2]),
    ],
)
def test_ordinary_values_are_results(sandbox, value, expected):
    assert sandbox.value(f"import collections\ndef run():\n    return {value}\n") == expected
