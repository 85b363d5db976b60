# attack: type-of-type
# layer: language
# class: escape
# success: type(type), type(int) or type(object) is type
def run():
    for value in (int, type, ValueError, object):
        try:
            return "PWNED " + repr(type(value))
        except TypeError:
            pass
    return "no"
