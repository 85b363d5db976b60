# attack: match-object-keyword
# layer: language
# class: escape
# success: case object(gi_running=r): attributes of anything through the base of everything
def run():
    g = (x for x in [1])
    match g:
        case object(gi_running=r):
            return "PWNED " + repr(r)
    return "no"
