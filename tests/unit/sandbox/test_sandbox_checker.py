"""Checking source for a server: never in its own process, never twice, never for long."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from task_server.sandbox.checker import CodeChecker
from task_server.sandbox.finding import Finding


@pytest.fixture(scope="module")
def checker():
    checker = CodeChecker()
    yield checker
    checker.close()


def test_good_source_has_no_findings(checker):
    assert checker.check("def run():\n    return 1\n", "run") == []


def test_a_syntax_error_names_its_place(checker):
    assert checker.check("def run():\n    return 1 +\n", "run") == [Finding(2, 15, "syntax error: invalid syntax")]


def test_the_same_source_for_another_function_is_another_question(checker):
    source = "def a(): pass\n"
    assert checker.check(source, "a") == []
    assert [str(found) for found in checker.check(source, "b")] == [
        "function_code defines no function 'b'; it defines: a"
    ]


def test_source_that_is_too_large_is_not_even_sent(checker):
    (found,) = checker.check("#" * (256 * 1024 + 1), "run")
    assert "262145 bytes; at most 262144" in found.message
    assert checker.check("def run(): pass\n#" + "é" * (128 * 1024 - 10), "run") == []


def test_source_that_takes_too_much_is_refused_and_the_checker_lives_on(checker):
    nested = "def run():\n    x = 1\n    return x" + ".b" * 100_000 + "\n"
    started = time.monotonic()
    assert checker.check(nested, "run")
    assert time.monotonic() - started < 15
    assert checker.check("def other(): pass\n", "other") == []


def test_a_check_known_already_costs_nothing():
    checker = CodeChecker()
    source = "import os\ndef run(): pass\n"
    first = checker.check(source, "run")
    checker.close()

    # No process is left that could be asked.
    assert checker.check(source, "run") == first


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("".join(f"def f{number}():0\n" for number in range(15_000)), "run"),
        ("def f(): pass\n", "x" * 900_000),
        ("\n".join(f"_{'日' * 2_000}{number}_" for number in range(20)), "run"),
        (f"def run():\n    {'a' * 100_000} = 1\n    global {'a' * 100_000}\n", "run"),
        ("_a_;" * 65_000, "run"),
    ],
    ids=["functions", "name", "names", "syntax", "findings"],
)
def test_what_is_kept_of_a_check_is_small_whatever_its_source_is(source, name):
    checker = CodeChecker()
    try:
        findings = checker.check(source, name)
    finally:
        checker.close()
    assert 0 < len(findings) <= 20
    assert all(len(found.message) < 2_100 for found in findings)
    for key, kept in checker._known.items():
        assert sum(map(len, key)) + sum(len(found.message) for found in kept) < 5_000


def test_many_threads_may_ask_at_once_also_when_the_zygote_dies(checker):
    checker.check("def run(): pass\n", "run")
    os.kill(checker._supervisor.zygote_pid, signal.SIGKILL)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: checker.check(f"def run():\n    return {n}\n", "run"), range(40)))
    assert answers == [[]] * 40


def test_patterns_are_compiled_in_a_child(checker):
    found = checker.check_patterns(["a+", "(", "(?i)[\\w]{2,}", "a{2,1}", "(?P<1>a)", "(" * 101 + ")" * 101, "(?z)"])
    assert [wrong is None for wrong in found] == [True, False, True, False, False, True, False]
    assert found[1] == "is no regular expression: missing ), unterminated subpattern at position 0"


def test_a_pattern_that_takes_too_long_to_compile_is_refused(checker):
    # Each set is gone through character by character: a second for 1,000 characters of this, on a fast machine.
    bombs = ["(?i)" + "[\0-\ufffe]" * 198 + str(number) for number in range(20)]
    started = time.monotonic()
    found = checker.check_patterns(bombs)
    assert found == ["takes too much time or memory to compile, alone or with the others; make it simpler"] * 20
    assert time.monotonic() - started < 9
    assert checker.check_patterns(["a"]) == [None]
