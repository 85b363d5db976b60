# attack: type-of-generator
# layer: language
# class: escape
# success: type(g) hands out the descriptors of frames
def run():
    G = type(x for x in ())
    return "PWNED " + repr(getattr(G, "gi_frame"))
