# attack: import-builtins
# layer: language
# class: escape
# success: import of builtins, of importlib and of sys
import builtins, importlib, sys
def run():
    return "PWNED " + repr(builtins.open)
