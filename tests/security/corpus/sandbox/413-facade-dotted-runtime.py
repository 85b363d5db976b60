# attack: facade-dotted-runtime
# layer: language
# class: escape
# success: a facade with a dotted name leads to the real package
import urllib.parse, collections.abc
def run():
    for f, names in ((urllib, ("request", "error", "response")), (urllib.parse, ("re", "sys", "functools", "_hostprog")), (collections.abc, ("sys", "GenericAlias")), (collections, ("_sys", "UserString"))):
        for name in names:
            try:
                return "PWNED " + repr(getattr(f, name))
            except AttributeError:
                pass
    return "no"
