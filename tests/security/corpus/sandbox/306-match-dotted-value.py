# attack: match-dotted-value
# layer: language
# class: escape
# success: a value pattern reads a dotted name past the guard
def run():
    g = (x for x in [1])
    match 1:
        case g.gi_frame:
            return "PWNED"
    return "no"
