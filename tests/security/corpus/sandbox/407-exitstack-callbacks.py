# attack: exitstack-callbacks
# layer: language
# class: escape
# success: ExitStack hands its callbacks a traceback
import contextlib
def run():
    seen = []
    with contextlib.ExitStack() as s:
        s.push(lambda *a: seen.append(a) or True)
        raise ValueError
    for x in seen[0]:
        for n in ("tb_frame", "tb_next", "__traceback__", "tb_lineno"):
            if hasattr(x, n):
                return "PWNED " + n
    return "no"
