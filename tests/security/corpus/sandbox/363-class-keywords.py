# attack: class-keywords
# layer: language
# class: escape
# success: keywords of a class reach what makes classes
def run():
    class A(fields=("gi_frame",)):
        pass
    return "PWNED " + repr(A)
