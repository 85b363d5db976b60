# attack: stop-iteration-value
# layer: language
# class: escape
# success: StopIteration.value of an iterator of a library
import csv, itertools
def run():
    for it in (csv.DictReader([]), itertools.chain(), iter([]), zip(), map(len, [])):
        try:
            next(it)
        except StopIteration as e:
            if e.value is not None:
                return "PWNED"
    return "no"
