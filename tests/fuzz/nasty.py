"""Values that parsers and stores have been broken with, by the kind of a field."""

from __future__ import annotations

import random

TEXTS = (
    *("", " ", "a", "\0", "a\0b", "\n", "\r\n", "\x7f", "\u202e", "\ufeff", "\u2028", "é", "🙂", "\uff21", "ß" * 300),
    *(
        "null",
        "true",
        "0",
        "-1",
        "1e309",
        "NaN",
        "__proto__",
        "%",
        "%00",
        "%2e%2e%2f",
        "../../etc/passwd",
        "{}",
        "[]",
        "{{x}}",
    ),
    *("' OR 1=1 --", '"; DROP TABLE task; --', "%s", "%d%n", ":name", "?", "\\", "$(id)", "${7*7}", "{0.__class__}"),
    *(
        "x" * 201,
        "x" * 5_000,
        "\U0001d54f" * 3_000,
        "http://127.0.0.1/",
        "http://[::1]:0/",
        "http://a@b@c/",
        "javascript:alert(1)",
    ),
    *(
        "* * * * *",
        "*/0 * * * *",
        "60 * * * *",
        "0 0 31 2 *",
        "1-99999999999 * * * *",
        "@hourly",
        "@reboot",
        "L * 5#6 * *",
    ),
    *("UTC", "Asia/Shanghai", "../UTC", "Etc/GMT+99", "2026-01-31", "2026-13-45", "9999-12-31T23:59:60Z", "0000-00-00"),
    *(
        "def f():\n    return 1",
        "def f(:",
        "import os",
        "f" + "(" * 3_000,
        "x = " + "9" * 6_000,
        "tsk_" + "0" * 16 + "_" + "0" * 64,
    ),
    *(
        "celery",
        "amq.x",
        "unacked",
        "default",
        "00000000-0000-7000-8000-000000000000",
        "019a0000-0000-7000-8000-000000000000",
    ),
)
INTEGERS = (0, 1, -1, 2, 3, 10, 50, 1_000, 1_001, 65_536, 2**31 - 1, -(2**31))
LONG_INTEGERS = (*INTEGERS, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 60.0, 1e9, 1e18, 1e308, -1e308, float("inf"), float("-inf"), float("nan"))
KEYS = ("", "a", "a.b", "`", "x" * 300, "Host", "Content-Length", "X-A", "X-A\r\nX-B", "authorization", "é", "\0")


def text(source: random.Random) -> str:
    """One of the texts, two of them joined, or random characters of any plane."""
    choice = source.random()
    if choice < 0.7:
        return source.choice(TEXTS)
    if choice < 0.85:
        return source.choice(TEXTS) + source.choice(TEXTS)
    planes = ((0, 128), (0, 0xD800), (0xE000, 0x110000))
    points = (source.randrange(*source.choice(planes)) for _ in range(8))
    return "".join(map(chr, points))


def data(source: random.Random) -> bytes:
    """Random bytes, or those of a text."""
    return source.randbytes(source.choice((0, 1, 7, 300))) if source.random() < 0.5 else text(source).encode()
