# attack: re-internals
# layer: language
# class: escape
# success: re leads to its parser by a match, a pattern, a scanner or a flag
import re
def run():
    m = re.compile("a").match("a")
    for o in (m, m.re, m.re.scanner("a"), re.error("x"), re.I):
        for name in ("__module__", "_parser", "template", "_compiler", "__reduce__", "__copy__", "_member_map_", "__members__"):
            try:
                return "PWNED " + repr(getattr(o, name))
            except AttributeError:
                pass
    return "no"
