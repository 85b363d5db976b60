# attack: for-and-del-guard
# layer: language
# class: escape
# success: for, with and del bind or remove the name of a guard
def run():
    for _write_ in [lambda o: o]:
        pass
    del _getattr_
    return "PWNED"
