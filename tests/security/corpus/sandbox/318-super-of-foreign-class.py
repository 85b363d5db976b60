# attack: super-of-foreign-class
# layer: language
# class: escape
# success: super(X, x) of a class that is not one of the task
import fractions
def run():
    s = super(fractions.Fraction, fractions.Fraction(1))
    return "PWNED " + repr(s.__init__)
