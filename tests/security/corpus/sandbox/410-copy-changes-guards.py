# attack: copy-changes-guards
# layer: language
# class: escape
# success: a copy of a module, a guard or a generator can be changed
import copy, math
def run():
    for x in (math, "{}".format, (y for y in ())):
        try:
            c = copy.copy(x)
            c.new = 1
            return "PWNED"
        except Exception:
            pass
    return "no"
