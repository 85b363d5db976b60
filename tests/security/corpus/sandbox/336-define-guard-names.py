# attack: define-guard-names
# layer: language
# class: escape
# success: a function takes the name of a guard
def _getattr_(o, n):
    return "hijacked"
def run():
    return "PWNED " + ().anything
