# attack: stringio-buffer
# layer: language
# class: escape
# success: StringIO leads to buffers and files
import io
def run():
    s = io.StringIO()
    for name in ("buffer", "raw", "fileno", "detach"):
        try:
            return "PWNED " + repr(getattr(s, name)())
        except Exception:
            pass
    return "no"
