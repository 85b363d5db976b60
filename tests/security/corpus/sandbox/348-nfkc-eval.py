# attack: nfkc-eval
# layer: language
# class: escape
# success: letters of other alphabets become eval after normalisation
def run():
    return "PWNED " + repr(ｅｖａｌ("1+1"))
