# attack: exception-group
# layer: language
# class: escape
# success: ExceptionGroup calls what the task gives it with internals
def run():
    g = ExceptionGroup("x", [ValueError()])
    return "PWNED " + repr(g.split(lambda e: e.args))
