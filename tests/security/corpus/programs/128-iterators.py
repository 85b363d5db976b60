class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right
    def __iter__(self):
        if self.left: yield from self.left
        yield self.value
        if self.right: yield from self.right
def run():
    it = iter([1, 2])
    lines = iter(["a", "b", "end", "c"])
    return [list(Countdown(3)), sum(Countdown(4)), list(Tree(2, Tree(1), Tree(3))), next(it), next(it), next(it, "gone"), list(iter(lambda: next(lines), "end")), [*map(lambda a, b: a + b, [1, 2], [3, 4])], list(filter(None, [0, 1])), list(enumerate("ab", 1)), any(x > 2 for x in [1, 3]), all([]), dict(zip("ab", [1, 2], strict=True))]
