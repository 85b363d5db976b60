# attack: match-capture-guard-name
# layer: language
# class: escape
# success: a capture binds the name of the attribute guard
def run():
    match (lambda o, n: (o, n)):
        case _getattr_:
            return "PWNED " + repr(().anything)
