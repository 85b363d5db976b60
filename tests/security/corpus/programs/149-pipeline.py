from functools import reduce
from itertools import chain, islice, tee
import operator
def batched(items, n):
    it = iter(items)
    while chunk := list(islice(it, n)):
        yield chunk
def pairwise(items):
    a, b = tee(items)
    next(b, None)
    return zip(a, b)
class Pipe:
    def __init__(self, f): self.f = f
    def __ror__(self, left): return self.f(left)
    def __or__(self, right): return Pipe(lambda x: right.f(self.f(x)))
def run():
    evens = Pipe(lambda xs: [x for x in xs if x % 2 == 0])
    double = Pipe(lambda xs: [x * 2 for x in xs])
    return [list(batched(range(7), 3)), list(pairwise("abc")), [1, 2, 3, 4] | (evens | double), reduce(operator.add, chain([1], [2, 3])), list(map(operator.mul, [1, 2], [3, 4]))]
