"""A cron expression in plain words. The one module that knows cron-descriptor, and loads it only when it is asked."""

from __future__ import annotations

from task_server.domain.clock_pattern import pattern


def describe(expression: str) -> str:
    """What an expression means, in English and by the 24-hour clock, as "At 09:30, Monday through Friday".

    Raises CronError when it is malformed.
    """
    # It takes 6 MB, which only a server that is asked for words needs.
    from cron_descriptor import ExpressionDescriptor, FormatError, Options, WrongArgumentError

    named = pattern(expression)
    day, _, weekday = named.fields[-3:]
    options = Options(locale_code="en_US", use_24hour_time_format=True, verbose=not named.is_elapsed)
    # It loses parts of lists with `#` or L in them; better no words than wrong ones.
    if not any("," in part and set(part.upper()) & set("#L") for part in (day, weekday)):
        try:
            words = ExpressionDescriptor(" ".join(named.fields).upper(), options).get_description()
            return str(words)
        except (FormatError, WrongArgumentError):
            pass  # croniter reads a few forms more; those have no words
    return f"At the times of the cron expression {' '.join(named.fields)!r}"
