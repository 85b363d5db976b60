# attack: hmac-digestmod
# layer: language
# class: escape
# success: hmac takes an object like a module and hands it something
import hmac
class D:
    digest_size = 1
    block_size = 64
    def new(self, *a):
        self.seen = a
        return self
    def update(self, data):
        self.seen = data
def run():
    d = D()
    hmac.new(b"k", b"m", d)
    return "no" if isinstance(d.seen, (bytes, tuple)) else "PWNED " + repr(d.seen)
