import datetime as dt
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo
def run():
    a = datetime.strptime("2026-02-28 23:30:00", "%Y-%m-%d %H:%M:%S")
    b = a + timedelta(days=1, hours=2)
    c = datetime(2026, 7, 1, 12, tzinfo=timezone.utc).astimezone(ZoneInfo("Asia/Shanghai"))
    d = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    return [b.isoformat(), (b - a).total_seconds(), b.strftime("%A %d %B %Y"), date(2026, 1, 31).replace(month=3).isoformat(), c.isoformat(), str(c.tzinfo), d.utcoffset().total_seconds(), d.tzname(),
            date.fromisoformat("2026-05-05").weekday(), datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp(), dt.timedelta(minutes=90) // dt.timedelta(hours=1), str(dt.time(1, 2)), datetime.combine(date(2026, 1, 1), dt.time(3)).hour, max(date(2026, 1, 1), date(2025, 1, 1)).year, datetime.fromtimestamp(0, dt.UTC).year, a.date().isocalendar()[1], a.timetuple().tm_yday]
