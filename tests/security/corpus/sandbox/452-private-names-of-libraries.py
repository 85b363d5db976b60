# attack: private-names-of-libraries
# layer: language
# class: escape
# success: private attributes of objects of libraries can be read or written
import collections, contextlib, csv, decimal, fractions, functools, random, re, statistics, uuid, zoneinfo
def run():
    f = fractions.Fraction(1, 2)
    for g in (lambda: f._numerator, lambda: random.Random(1)._randbelow, lambda: contextlib.ExitStack()._exit_callbacks, lambda: collections.Counter()._keep_positive, lambda: zoneinfo.ZoneInfo("UTC")._unpickle, lambda: csv.DictReader([])._fieldnames, lambda: statistics.NormalDist()._mu, lambda: fractions.Fraction._from_coprime_ints, lambda: getattr(f, "_denominator"), lambda: "{0._numerator}".format(f), lambda: decimal.Decimal(1)._exp, lambda: collections.deque._x):
        try:
            return "PWNED " + repr(g())
        except AttributeError:
            pass
    f._numerator = 5
    return "PWNED"
