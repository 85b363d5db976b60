class Config(dict):
    def __missing__(self, key): return f"<{key}>"
    def merge(self, **more):
        self.update(more)
        return self
class Stack(list):
    def push(self, x):
        self.append(x)
        return self
    def __getitem__(self, i): return super().__getitem__(i)
def run():
    c = Config(a=1).merge(b=2)
    c["d"] = 4
    c["d"] += 1
    s = Stack([1]).push(2)
    s[0] = 9
    return [dict(c), c["nope"], "{a} {zz}".format_map(c), list(s), s[-1], len(c), isinstance(c, dict)]
