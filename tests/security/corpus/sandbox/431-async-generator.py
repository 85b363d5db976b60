# attack: async-generator
# layer: language
# class: escape
# success: an asynchronous generator has a frame
def run():
    g = (x async for x in [])
    return "PWNED " + repr(g.ag_frame)
