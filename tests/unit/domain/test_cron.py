"""When a cron expression fires: syntax, daylight saving shifts, the calendar's odd corners, and what it may cost."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from task_server.domain import cron
from task_server.domain.clock import SECOND, Micros, micros, moment
from task_server.domain.clock_pattern import SHORTHANDS, CronError
from task_server.domain.cron import next_fire

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai")


def at(text: str) -> Micros:
    """An RFC 3339 time."""
    return micros(datetime.fromisoformat(text))


def firings(expression: str, zone: str, after: str, count: int) -> list[str]:
    """The next firings, as the zone's clock shows them, with their offset."""
    found: list[str] = []
    cursor = at(after)
    for _ in range(count):
        following = next_fire(expression, zone, cursor)
        assert following is not None
        found.append(moment(following).astimezone(ZoneInfo(zone)).isoformat())
        cursor = following
    return found


# Each row: the zone, the expression, the time that is asked from, and the firings from there on.
SPRING = [
    # 02:00 becomes 03:00.
    ("Europe/Berlin", "30 2 * * *", "2026-03-28T03:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("Europe/Berlin", "0 3 * * *", "2026-03-28T04:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"]),
    ("Europe/Berlin", "0,15,59 2 * * *", "2026-03-29T00:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
    ("Europe/Berlin", "30 * * * *", "2026-03-29T01:00+01:00", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
    ("Europe/Berlin", "0 */2 * * *", "2026-03-28T23:30+01:00", ["2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00"]),
    ("Europe/Berlin", "59 59 1 * * *", "2026-03-29T01:00+01:00", ["2026-03-29T01:59:59+01:00", "2026-03-30T01:59:59+02:00"]),
    ("America/New_York", "30 2 * * *", "2026-03-07T03:00-05:00", ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
    ("America/New_York", "*/30 * * * *", "2026-03-08T01:15-05:00", ["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00"]),
    # 02:00 becomes 02:30.
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00+10:30", ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
    ("Australia/Lord_Howe", "45 2 * * *", "2026-10-03T12:00+10:30", ["2026-10-04T02:45:00+11:00", "2026-10-05T02:45:00+11:00"]),
    ("Australia/Lord_Howe", "*/15 * * * *", "2026-10-04T01:40+10:30", ["2026-10-04T01:45:00+10:30", "2026-10-04T02:30:00+11:00"]),
    # Summer time all the year but for Ramadan: 02:00 becomes 03:00 when that is over.
    ("Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00+00:00", ["2026-03-22T03:00:00+01:00", "2026-03-23T02:30:00+01:00"]),
    ("Africa/Casablanca", "0 3 * * *", "2026-03-21T12:00+00:00", ["2026-03-22T03:00:00+01:00", "2026-03-23T03:00:00+01:00"]),
    ("Africa/Casablanca", "30 * * * *", "2026-03-22T01:00+00:00", ["2026-03-22T01:30:00+00:00", "2026-03-22T03:30:00+01:00"]),
    # No shift at all.
    ("Asia/Shanghai", "30 2 * * *", "2026-03-28T03:00+08:00", ["2026-03-29T02:30:00+08:00", "2026-03-30T02:30:00+08:00"]),
]  # fmt: skip
AUTUMN = [
    # 03:00 becomes 02:00.
    ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("Europe/Berlin", "0 3 * * *", "2026-10-25T02:30+02:00", ["2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"]),
    ("Europe/Berlin", "30 * * * *", "2026-10-25T02:00+02:00",
     ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"]),
    ("Europe/Berlin", "@hourly", "2026-10-25T01:30+02:00",
     ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]),
    # Asked within the second pass, what the first pass fired is not fired again.
    ("Europe/Berlin", "45 2 * * *", "2026-10-25T02:10+01:00", ["2026-10-26T02:45:00+01:00"]),
    ("Europe/Berlin", "0 45 2-3 * * *", "2026-10-25T02:10+01:00", ["2026-10-25T03:45:00+01:00"]),
    ("America/New_York", "30 1 * * *", "2026-10-31T12:00-04:00", ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
    ("America/New_York", "*/30 * * * *", "2026-11-01T01:15-04:00",
     ["2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T01:30:00-05:00"]),
    # 02:00 becomes 01:30.
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00+11:00", ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ("Australia/Lord_Howe", "15 * * * *", "2026-04-05T01:00+11:00", ["2026-04-05T01:15:00+11:00", "2026-04-05T02:15:00+10:30"]),
    ("Australia/Lord_Howe", "45 * * * *", "2026-04-05T01:00+11:00", ["2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"]),
    # 03:00 becomes 02:00 when Ramadan begins.
    ("Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00+01:00", ["2026-02-15T02:30:00+01:00", "2026-02-16T02:30:00+00:00"]),
    ("Africa/Casablanca", "*/30 * * * *", "2026-02-15T02:15+01:00",
     ["2026-02-15T02:30:00+01:00", "2026-02-15T02:00:00+00:00", "2026-02-15T02:30:00+00:00", "2026-02-15T03:00:00+00:00"]),
    ("Asia/Shanghai", "30 * * * *", "2026-10-25T02:00+08:00", ["2026-10-25T02:30:00+08:00", "2026-10-25T03:30:00+08:00"]),
]  # fmt: skip
ODD_ZONES = [
    # Midnight does not exist (00:00 becomes 01:00) or comes twice (24:00 becomes 23:00).
    ("Africa/Cairo", "@daily", "2026-04-23T12:00+02:00", ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]),
    ("America/Santiago", "59 23 * * *", "2026-04-04T12:00-03:00", ["2026-04-04T23:59:00-03:00", "2026-04-05T23:59:00-04:00"]),
    ("America/Santiago", "0 0 * * 0", "2026-04-04T23:30-03:00", ["2026-04-05T00:00:00-04:00", "2026-04-12T00:00:00-04:00"]),
    # 30 December 2011 was left out.
    ("Pacific/Apia", "0 12 * * *", "2011-12-29T00:00-10:00",
     ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
    ("Pacific/Apia", "0 */12 * * *", "2011-12-29T06:00-10:00", ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"]),
    # 30 September 1969 came twice but for an hour.
    ("Pacific/Kwajalein", "0 12 * * *", "1969-09-30T00:00+11:00", ["1969-09-30T12:00:00+11:00", "1969-10-01T12:00:00-12:00"]),
    ("Pacific/Kwajalein", "0 */6 * * *", "1969-09-30T17:00+11:00",
     ["1969-09-30T18:00:00+11:00", "1969-09-30T06:00:00-12:00", "1969-09-30T12:00:00-12:00"]),
    # Offsets that are no hours; a summer time two hours ahead; a summer time that is the "standard" one.
    ("Asia/Kathmandu", "0 0 * * *", "2026-01-01T12:00+05:45", ["2026-01-02T00:00:00+05:45"]),
    ("Antarctica/Troll", "30 1 * * *", "2026-03-28T12:00+00:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00"]),
    ("Europe/Dublin", "30 1 * * *", "2026-10-24T12:00+01:00", ["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"]),
]  # fmt: skip
# Between two firings lie several shifts, the last one at the firing itself.
FAR = [
    ("America/New_York", "30 2 8 3 *", "2025-04-01T00:00Z", ["2026-03-08T03:00:00-04:00", "2027-03-08T02:30:00-05:00"]),
    ("America/New_York", "30 2 8 3 0#2", "2026-04-01T00:00Z", ["2027-03-14T03:00:00-04:00"]),
    ("America/New_York", "30 1 1 11 *", "2026-11-01T06:15Z", ["2027-11-01T01:30:00-04:00"]),
    ("Europe/Berlin", "0 0 29 2 *", "2026-07-01T00:00Z", ["2028-02-29T00:00:00+01:00", "2032-02-29T00:00:00+01:00"]),
    ("Europe/Berlin", "30 * 30 3 *", "2025-03-30T00:00Z", ["2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00"]),
    # Three offsets between two firings.
    ("Europe/London", "0 12 1 1 *", "1968-01-02T00:00Z", ["1969-01-01T12:00:00+01:00", "1970-01-01T12:00:00+01:00",
     "1971-01-01T12:00:00+01:00", "1972-01-01T12:00:00+00:00"]),
    ("Pacific/Apia", "0 0 1 7 *", "2010-01-01T00:00Z", ["2010-07-01T00:00:00-11:00", "2011-07-01T00:00:00-11:00",
     "2012-07-01T00:00:00+13:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "expression", "after", "expected"), [*SPRING, *AUTUMN, *ODD_ZONES, *FAR])
def test_it_fires_as_the_clock_on_the_wall_says(zone: str, expression: str, after: str, expected: list[str]) -> None:
    assert firings(expression, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:15:00"),
        ("* * * * * *", "2026-01-01T00:00:01"),
        ("30 5 4 * * *", "2026-01-01T04:05:30"),
        ("0 0 0 1 2 *", "2026-02-01T00:00:00"),
        ("5 4 * * sun", "2026-01-04T04:05:00"),
        ("0 9 * * MON-FRI", "2026-01-01T09:00:00"),
        ("0 0 * * 7", "2026-01-04T00:00:00"),
        ("0 0 L * *", "2026-01-31T00:00:00"),
        ("0 0 * * 5#3", "2026-01-16T00:00:00"),
        ("0 0 * * L5", "2026-01-30T00:00:00"),
        ("0 0 10W * *", "2026-01-09T00:00:00"),
        ("0 0 L,15 * *", "2026-01-15T00:00:00"),
        # A weekday with # narrows the days down.
        ("0 0 8-14 * 1#2", "2026-01-12T00:00:00"),
        # Both a day and a weekday: whichever comes first.
        ("0 0 13 * 5", "2026-01-02T00:00:00"),
        ("0 0 1 jan *", "2027-01-01T00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 29 2 1#5", "2044-02-29T00:00:00"),
        ("@hourly", "2026-01-01T01:00:00"),
        ("@daily", "2026-01-02T00:00:00"),
        ("@midnight", "2026-01-02T00:00:00"),
        ("@weekly", "2026-01-04T00:00:00"),
        ("@monthly", "2026-02-01T00:00:00"),
        ("@yearly", "2027-01-01T00:00:00"),
        ("@annually", "2027-01-01T00:00:00"),
        ("  0   0 1 2 *  ", "2026-02-01T00:00:00"),
    ],
)
def test_every_form_is_read_in_utc_without_a_zone(expression: str, expected: str) -> None:
    assert next_fire(expression, "", at("2026-01-01T00:00Z")) == at(f"{expected}+00:00")


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "59 59 23 30 2 *", "0 0 1W * 2#5"])
def test_what_never_fires_is_refused(expression: str) -> None:
    assert next_fire(expression, "Europe/Berlin", at("2026-01-01T00:00Z")) is None
    with pytest.raises(CronError, match="never fires"):
        cron.check(expression, "")


@pytest.mark.parametrize(
    "expression",
    ["", " ", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
     "*/0 * * * *", "-1 * * * *", "a b c d e", "1-2-3 * * * *", "1,,2 * * * *", "* * * * mon#6", "*\u3000* * * *", "\0 * * * *",
     "0 0 * * L", "0 0 * * 5L", "0 0 LW * *", "0 0 1W,15W * *", "0 0 L-3 * *", "0 0 * * *#2",
     "9" * 400 + " * * * *", "\N{ARABIC-INDIC DIGIT FIVE} * * * *", "@", "* * * * * 2026"],
)  # fmt: skip
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(CronError, match=r"cron expression|shorthand"):
        cron.check(expression, "")


@pytest.mark.parametrize("expression", ["@reboot", "@DAILY", "@every 5m"])
def test_an_unknown_shorthand_is_refused_with_the_known_ones(expression: str) -> None:
    with pytest.raises(CronError, match="use one of @hourly, @daily"):
        cron.check(expression, "")


@pytest.mark.parametrize(
    "expression", ["R * * * *", "h * * * *", "H(0-29)/10 * * * *", "H/5 * * * *", "0 r(1-2) * * *"]
)
def test_times_that_differ_from_run_to_run_are_refused(expression: str) -> None:
    with pytest.raises(CronError, match="write the times themselves"):
        cron.check(expression, "")


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", ".", "CEST?", "\0", "x" * 5000, "Z"]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(CronError, match="unknown time zone"):
        next_fire("* * * * *", zone, 0)


def test_the_calendar_ends_with_the_year_9998() -> None:
    assert next_fire("0 0 1 1 *", "", at("9997-06-01T00:00Z")) == at("9998-01-01T00:00Z")
    for zone in ("", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"):
        for expression in ("0 0 1 1 *", "* * * * * *", "0 0 29 2 *"):
            assert next_fire(expression, zone, at("9999-12-31T23:59:59Z")) is None
        assert next_fire("0 0 29 2 *", zone, at("9997-01-01T00:00Z")) is None


def test_the_firing_at_the_very_instant_is_not_the_next_one() -> None:
    noon = at("2026-06-01T12:00Z")
    assert next_fire("0 12 * * *", "", noon - 1) == noon
    assert next_fire("0 12 * * *", "", noon) == noon + 86_400 * SECOND
    # A double does not hold the microseconds of such years.
    far = at("6026-06-01T12:00Z")
    assert next_fire("0 12 * * *", "", far - 1) == far


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 29 2 1",
        "59 59 23 31 12 *",
        "59 59 23 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 29 2 1#5",
        "0 0 1W * 1#5,2#5,3#5,4#5,5#5",
        "* * 2 * * *",
        "30 2 8 3 0#2",
        ",".join(map(str, range(60))) + " " + ",".join(map(str, range(24))) + " 31 2,4,6,9,11 *",
    ],
)
@pytest.mark.parametrize("after", ["2026-04-01T00:00Z", "2026-11-01T06:00:01Z"])
def test_no_expression_costs_more_than_50_ms(expression: str, after: str) -> None:
    def cost() -> float:
        began = time.thread_time()
        next_fire(expression, "America/New_York", at(after))
        return time.thread_time() - began

    cost()  # The zone's file is read once.
    assert min(cost() for _ in range(3)) < 0.05


def test_a_long_expression_is_refused_before_it_is_read() -> None:
    with pytest.raises(CronError, match="at most 500 characters, not 999,"):
        cron.check("0," * 499_995 + "0 * * * *", "")


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    steps = st.integers(1, high).map(lambda step: f"*/{step}")
    span = st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}" if ends[0] != ends[1] else str(ends[0]))
    several = st.lists(value, min_size=1, max_size=4, unique=True).map(lambda values: ",".join(map(str, values)))
    return st.one_of(st.just("*"), value.map(str), steps, span, several)


_DAY, _MONTH, _WEEKDAY = _field(1, 28), _field(1, 12), _field(0, 6)
_FIVE = st.tuples(_field(0, 59), _field(0, 23), _DAY, _MONTH, _WEEKDAY).map(" ".join)
EXPRESSIONS = st.one_of(_FIVE, st.tuples(_field(0, 59), _FIVE).map(" ".join), st.sampled_from(sorted(SHORTHANDS)))
INSTANTS = st.integers(at("1970-01-02T00:00Z"), at("2100-01-01T00:00Z"))
EVERY_ZONE = st.sampled_from([*ZONES, "Africa/Casablanca", "Antarctica/Troll", "America/St_Johns", "Africa/Cairo", "Pacific/Apia",
                              "Pacific/Kwajalein", "Asia/Pyongyang", "America/Caracas", ""])  # fmt: skip


@given(expression=EXPRESSIONS, zone=EVERY_ZONE, after=INSTANTS)
@example(expression="30 2 8 3 *", zone="America/New_York", after=at("2025-04-01T00:00Z"))
@settings(deadline=None, max_examples=200)
def test_firings_strictly_increase_on_whole_seconds_and_skip_none(expression: str, zone: str, after: Micros) -> None:
    first = next_fire(expression, zone, after)
    assert first is not None
    second = next_fire(expression, zone, first)
    assert second is not None
    assert after < first < second
    assert first % SECOND == second % SECOND == 0
    # Whatever instant between two firings is asked from, the later one is next.
    assert next_fire(expression, zone, first - 1) == first
    assert next_fire(expression, zone, (first + second) // 2) == second
    assert next_fire(expression, zone, second - 1) == second


@given(expression=EXPRESSIONS, zone=st.sampled_from(["", "Asia/Shanghai", "Asia/Kolkata"]), after=INSTANTS)
@settings(deadline=None, max_examples=200)
def test_without_shifts_it_equals_croniter(expression: str, zone: str, after: Micros) -> None:
    after = max(after, at("1992-01-01T00:00Z"))  # Shanghai had summer time until 1991.
    offset = moment(after).astimezone(ZoneInfo(zone or "UTC")).utcoffset()
    assert offset is not None
    clock = (moment(after) + offset).replace(microsecond=0)
    plain = croniter(expression, clock, second_at_beginning=True).get_next(datetime)
    assert next_fire(expression, zone, after) == micros(plain - offset)


@pytest.mark.parametrize(
    "zone", [*ZONES, "Africa/Cairo", "America/Santiago", "Africa/Casablanca", "Europe/Dublin", "Antarctica/Troll"]
)
@pytest.mark.parametrize("hour_minute", [(0, 0), (1, 45), (2, 15), (2, 30), (3, 0), (23, 59)])
def test_a_fixed_local_time_fires_exactly_once_a_day(zone: str, hour_minute: tuple[int, int]) -> None:
    hour, minute = hour_minute
    start, days = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)), []
    cursor = micros(start) - 1
    while True:
        following = next_fire(f"{minute} {hour} * * *", zone, cursor)
        assert following is not None
        local = moment(following).astimezone(ZoneInfo(zone))
        if local.year > 2026:
            break
        days.append(local.date())
        cursor = following
    assert days == [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


def _by_definition(
    minutes: set[int], hours: set[int] | None, zone: str, low: datetime, high: datetime
) -> list[datetime]:
    """The firings between two instants, found minute by minute: by what the clock shows, or by each local time once."""
    zone_info = ZoneInfo(zone)
    every = [low + timedelta(minutes=number) for number in range(int((high - low).total_seconds()) // 60)]
    shown = [instant.astimezone(zone_info).replace(tzinfo=None, fold=0) for instant in every]
    if hours is None:
        return [instant for instant, local in zip(every, shown, strict=True) if local.minute in minutes]
    found, latest = [], shown[0]
    for instant, local in zip(every[1:], shown[1:], strict=True):
        new, step = [], latest
        while step < local:
            step += timedelta(minutes=1)
            new.append(step)
        if any(time.minute in minutes and time.hour in hours for time in new):
            found.append(instant)
        latest = max(latest, local)
    return found


@given(
    zone_and_shift=st.sampled_from(
        [("Europe/Berlin", "2026-03-29T01:00Z"), ("Europe/Berlin", "2026-10-25T01:00Z"), ("America/New_York", "2026-03-08T07:00Z"),
         ("America/New_York", "2026-11-01T06:00Z"), ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
         ("Australia/Lord_Howe", "2026-10-03T15:30Z"), ("Pacific/Apia", "2011-12-30T10:00Z"), ("Africa/Cairo", "2026-04-23T22:00Z"),
         ("Africa/Cairo", "2026-10-29T21:00Z"), ("Antarctica/Troll", "2026-10-25T01:00Z")]
    ),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.none() | st.sets(st.integers(0, 23), min_size=1, max_size=5),
)  # fmt: skip
@settings(deadline=None, max_examples=120)
def test_around_a_shift_it_fires_as_the_rule_is_written(
    zone_and_shift: tuple[str, str], minutes: set[int], hours: set[int] | None
) -> None:
    zone, shift = zone_and_shift[0], moment(at(zone_and_shift[1]))
    low, high = shift - timedelta(hours=14), shift + timedelta(hours=30)
    expected = _by_definition(minutes, hours, zone, low, high)
    expression = f"{','.join(map(str, minutes))} {'*' if hours is None else ','.join(map(str, hours))} * * *"
    found, cursor = [], micros(expected[0]) - 1 if expected else micros(low)
    while (following := next_fire(expression, zone, cursor)) is not None and moment(following) < high:
        found.append(moment(following).astimezone(UTC))
        cursor = following
    assert found == expected
