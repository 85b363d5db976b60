"""Log lines: one an entry, with the request's id, and nothing in them that passes for another entry."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from task_server import logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Configures the root logger, and returns what was written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    noisy = {name: logging.getLogger(name).level for name in ("kombu", "celery.redirected", "celery.worker.strategy",
                                                               "celery.app.trace", "amqp", "asyncio")}  # fmt: skip
    stream = io.StringIO()

    def configure(level: str, log_format: str) -> io.StringIO:
        monkeypatch.setattr("sys.stderr", stream)
        logs.configure(level, log_format, "server")
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in noisy.items():
        logging.getLogger(name).setLevel(before)
    logs.request_id.set("")


def test_a_text_line_tells_time_level_role_logger_message_and_facts(written: Any) -> None:
    stream = written("INFO", "text")
    logs.request_id.set("r-1")
    logging.getLogger("task_server.x").info("made %s", "it", extra={"user": "ann", "count": 2})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    server task_server\.x: made it user=ann count=2 request_id=r-1\n",
        stream.getvalue(),
    )


def test_a_json_line_is_one_object_with_the_same_facts(written: Any) -> None:
    stream = written("INFO", "json")
    logs.request_id.set("r-1")
    logging.getLogger("task_server.x").warning("made 世界\nand more", extra={"user": "ann", "odd": {1}})
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "WARNING",
        "role": "server",
        "logger": "task_server.x",
        "message": "made 世界\nand more",
        "user": "ann",
        "odd": "{1}",
        "request_id": "r-1",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_goes_with_its_entry(written: Any, log_format: str) -> None:
    stream = written("INFO", log_format)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("task_server.x").exception("failed")
    shown = stream.getvalue()
    assert "failed" in shown
    assert "ValueError: boom" in (json.loads(shown)["traceback"] if log_format == "json" else shown)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_outside_of_a_request_there_is_no_request_id(written: Any, log_format: str) -> None:
    stream = written("INFO", log_format)
    logging.getLogger("task_server.x").info("idle")
    assert "request_id" not in stream.getvalue()


def test_what_a_caller_sent_can_not_look_like_an_entry(written: Any) -> None:
    stream = written("INFO", "text")
    forged = "x\n2026-01-01T00:00:00.000Z ERROR   server root: forged\r\x1b[2J\x85\u2028"
    logging.getLogger("task_server.x").info("name is %s", forged, extra={"module_name": forged})
    (line,) = stream.getvalue().splitlines()
    assert r"name is x\n2026-01-01T00:00:00.000Z ERROR   server root: forged\r\x1b[2J\x85\u2028" in line


def test_levels_below_the_configured_one_are_left_out(written: Any) -> None:
    stream = written("WARNING", "text")
    logging.getLogger("task_server.x").info("quiet")
    logging.getLogger("task_server.x").warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "noisy"), [("DEBUG", logging.WARNING), ("INFO", logging.WARNING), ("ERROR", logging.ERROR)]
)
def test_libraries_that_tell_everything_twice_are_kept_short(written: Any, level: str, noisy: int) -> None:
    written(level, "text")
    assert logging.getLogger("kombu").getEffectiveLevel() == noisy


def test_configuring_twice_writes_once(written: Any) -> None:
    written("INFO", "text")
    stream = written("INFO", "text")
    logging.getLogger("task_server.x").info("once")
    assert stream.getvalue().count("once") == 1
