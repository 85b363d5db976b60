# attack: format-recursion
# layer: language
# class: crash
# success: format specifications within each other
def run():
    return "{:{:{:{:{}}}}}".format(1, 2, 3, 4, 5)
