# attack: lru-cache-wrapped
# layer: language
# class: escape
# success: lru_cache gives __wrapped__, and copies the __dict__ of what it wraps
import functools
class F:
    def __call__(self):
        return 1
def run():
    f = functools.lru_cache(F())
    return "PWNED " + repr(getattr(f, "__wrapped__"))
