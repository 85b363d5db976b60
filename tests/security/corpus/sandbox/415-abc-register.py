# attack: abc-register
# layer: language
# class: state
# success: register changes what isinstance says for the host
import collections.abc, fractions
def run():
    for f in (lambda: collections.abc.Iterable[int].register(int), lambda: fractions.Fraction.register(int), lambda: getattr(collections.abc.Mapping, "register")(int), lambda: collections.abc.Mapping.register(int)):
        try:
            f()
            return "PWNED"
        except (AttributeError, TypeError):
            pass
    return "no"
