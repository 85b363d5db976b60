# attack: setattr-special-forms
# layer: language
# class: escape
# success: setattr with a name that is special inside
class A:
    pass
def run():
    for name in ("__class__", "__dict__", ".fields", ".members", ".data_fields", "__call__", "_getattr_", "__match_args__", "__abstractmethods__"):
        for owner in (A, A()):
            try:
                setattr(owner, name, ("gi_frame",))
                return "PWNED " + name
            except (AttributeError, TypeError):
                pass
    return "no"
