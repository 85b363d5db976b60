# attack: exception-attributes
# layer: language
# class: escape
# success: every attribute of an exception that leads to a frame
def run():
    try:
        [].nothing
    except AttributeError as e:
        for name in ("__traceback__", "__context__", "__cause__", "__dict__", "__class__", "__reduce__", "__setstate__", "__notes__", "with_traceback", "obj", "tb_frame"):
            try:
                return "PWNED " + name + repr(getattr(e, name))
            except AttributeError:
                pass
    return "no"
