# attack: generic-alias
# layer: language
# class: escape
# success: list[int] passes attributes on to list
def run():
    t = list[int]
    for name in ("__origin__", "__class__", "mro", "__mro__", "__subclasses__", "__args__"):
        try:
            return "PWNED " + repr(getattr(t, name))
        except AttributeError:
            pass
    return "no"
