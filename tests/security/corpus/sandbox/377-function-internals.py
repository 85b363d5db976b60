# attack: function-internals
# layer: language
# class: escape
# success: the special attributes of functions of libraries lead to their globals
import fractions, statistics
def run():
    for f in (fractions.Fraction.numerator.fget, statistics.mean, fractions.Fraction.limit_denominator, run, "{}".format, getattr):
        for name in ("__globals__", "__code__", "__closure__", "__builtins__", "__defaults__", "__kwdefaults__", "__module__", "__wrapped__", "__self__", "__func__", "__annotations__", "__dict__", "__get__", "__call__", "__type_params__"):
            try:
                return "PWNED " + repr(getattr(f, name))
            except AttributeError:
                pass
    return "no"
