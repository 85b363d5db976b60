# attack: dataclass-of-library
# layer: language
# class: state
# success: dataclass writes methods into the class of a library
import dataclasses, fractions
def run():
    dataclasses.dataclass(fractions.Fraction)
    return "PWNED"
