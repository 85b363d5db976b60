# attack: format-map-generator
# layer: language
# class: leak
# success: format_map with a mapping that gives a generator
class M(dict):
    def __missing__(self, key):
        return (x for x in [1])
def run():
    return "PWNED " + "{a.gi_frame.f_globals}".format_map(M())
