# attack: format-width
# layer: language
# class: dos-mem
# success: a width that fills the memory
def run():
    return "{:>2000000000}".format(1)
