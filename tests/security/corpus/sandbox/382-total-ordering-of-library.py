# attack: total-ordering-of-library
# layer: language
# class: state
# success: total_ordering writes methods into the class of a library
import functools, fractions
def run():
    functools.total_ordering(fractions.Fraction)
    return "PWNED"
