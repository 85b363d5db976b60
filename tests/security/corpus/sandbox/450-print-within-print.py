# attack: print-within-print
# layer: language
# class: output
# success: __str__ prints again and again
class A:
    def __str__(self):
        print(self)
        return ""
def run():
    print(A())
    return "no"
