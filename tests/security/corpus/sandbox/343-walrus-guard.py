# attack: walrus-guard
# layer: language
# class: escape
# success: := in a comprehension binds the name of a guard
def run():
    [(_getattr_ := (lambda o, n: n)) for x in [1]]
    return "PWNED " + ().anything
