"""Cron expressions in plain words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from task_server.domain.clock_pattern import SHORTHANDS, CronError
from task_server.domain.cron_words import describe


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("* * * * * *", "Every second"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("0 2 * * *", "At 02:00, every day"),
        ("30 14 * * 1-5", "At 14:30, Monday through Friday"),
        ("30 14 * * mon-fri", "At 14:30, Monday through Friday"),
        ("30 5 4 * * *", "At 04:05:30, every day"),
        ("0 0 * * 7", "At 00:00, only on Sunday"),
        ("0 0 1 1 *", "At 00:00, on day 1 of the month, only in January"),
        ("0 0 l * *", "At 00:00, on the last day of the month"),
        ("0 0 15W * *", "At 00:00, on the weekday nearest day 15 of the month"),
        ("0 0 * * 5#3", "At 00:00, on the third Friday of the month"),
        ("0 0 * * L5", "At 00:00, on the last Friday of the month"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday"),
        ("0 0 */2 * 1", "At 00:00, every 2 days, or on Monday"),
        ("@hourly", "Every hour"),
        ("@weekly", "At 00:00, only on Sunday"),
        # Better none than wrong ones.
        ("0 0 * * 1#2,3#4", "At the times of the cron expression '0 0 * * 1#2,3#4'"),
        ("0 0 L,15 * *", "At the times of the cron expression '0 0 L,15 * *'"),
    ],
)
def test_it_says_what_an_expression_means(expression: str, words: str) -> None:
    assert describe(expression) == words


@pytest.mark.parametrize("expression", sorted(SHORTHANDS))
def test_a_shorthand_means_what_it_stands_for(expression: str) -> None:
    assert describe(expression) == describe(SHORTHANDS[expression])


def test_what_is_malformed_is_refused() -> None:
    with pytest.raises(CronError, match="no cron expression"):
        describe("61 * * * *")


def test_it_speaks_english_wherever_it_runs_and_loads_its_words_late() -> None:
    code = (
        "import sys; from task_server.domain import cron_words; assert 'cron_descriptor' not in sys.modules; "
        "print(cron_words.describe('0 21 * * *'))"
    )
    environment = {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("At 21:00, every day\n", "")
