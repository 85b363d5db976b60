# attack: library-subclass
# layer: language
# class: escape
# success: a class that derives from a class of a module overrides what C code calls
import collections, collections.abc, contextlib, csv, datetime, decimal, fractions, functools, io, itertools, random, re, uuid
def run():
    for base in (datetime.datetime, datetime.timezone, decimal.Decimal, decimal.Context, fractions.Fraction, functools.partial, functools.cached_property, io.StringIO, itertools.chain, random.Random, re.Pattern, uuid.UUID, collections.abc.Mapping, contextlib.ExitStack, csv.DictReader, csv.excel, collections.ChainMap):
        try:
            class A(base):
                pass
            return "PWNED " + base.__name__
        except TypeError:
            pass
    return "no"
