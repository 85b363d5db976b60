# attack: copy-memo
# layer: language
# class: leak
# success: the memo of deepcopy holds objects of the module
import copy
def run():
    m = {}
    copy.deepcopy([1], m)
    return "PWNED " + repr(m)
