# attack: contextmanager-generator
# layer: language
# class: escape
# success: a context manager made of a generator hands out its frame
import contextlib
@contextlib.contextmanager
def c():
    yield
def run():
    return "PWNED " + repr(getattr(c().gen, "gi_frame"))
