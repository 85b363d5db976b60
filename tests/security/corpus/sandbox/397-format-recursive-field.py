# attack: format-recursive-field
# layer: language
# class: leak
# success: a field within a format specification walks attributes
def run():
    return "PWNED " + "{0:{1.__class__.__name__}}".format("x", ())
