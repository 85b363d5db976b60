# attack: bound-method-self
# layer: language
# class: escape
# success: __self__ of a builtin function is its module, of a bound method its owner
import math, random, secrets
def run():
    for f in (math.sqrt, len, random.random, secrets.choice, [].append, "".join, print, getattr):
        for name in ("__self__", "__func__", "__objclass__", "__text_signature__", "__call__", "__reduce__", "__qualname__"):
            try:
                return "PWNED " + repr(getattr(f, name))
            except AttributeError:
                pass
    return "no"
