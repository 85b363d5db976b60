# attack: private-name-like-guard
# layer: language
# class: escape
# success: a private name becomes that of a guard inside
def run():
    global _getattr
    _getattr = __getattr = lambda o, n: n
    return "PWNED " + ().anything
