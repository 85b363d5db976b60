# attack: match-value-mro
# layer: language
# class: escape
# success: a dotted value pattern of a class reads a special attribute
def run():
    match (int, object):
        case int.__mro__:
            return "PWNED"
    return "no"
