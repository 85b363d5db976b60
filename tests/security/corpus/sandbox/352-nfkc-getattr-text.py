# attack: nfkc-getattr-text
# layer: language
# class: escape
# success: getattr normalises the text that it is given
def run():
    return "PWNED " + repr(getattr((x for x in ()), "ｇi_frame"))
