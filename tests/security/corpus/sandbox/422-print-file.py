# attack: print-file
# layer: language
# class: escape
# success: print(file=) calls write of an object
class F:
    def write(self, text):
        self.text = text
def run():
    f = F()
    print("x", file=f)
    return "PWNED " + f.text
