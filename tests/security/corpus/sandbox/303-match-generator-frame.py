# attack: match-generator-frame
# layer: language
# class: escape
# success: case G(gi_frame=f) reads the frame of a generator
def run():
    g = (x for x in [1])
    G = g.__class__
    match g:
        case G(gi_frame=f):
            return "PWNED " + repr(f)
