def counter():
    n = 0
    def increment(by=1):
        nonlocal n
        n += by
        return n
    def reset():
        nonlocal n
        n = 0
    return increment, reset
total = 0
def add(x):
    global total
    total += x
def compose(*functions):
    return lambda x: [x := f(x) for f in functions][-1]
def run():
    increment, reset = counter()
    increment(), increment(5)
    before = increment()
    reset()
    add(3), add(4)
    adders = [lambda x, i=i: x + i for i in range(3)]
    return [before, increment(), total, [f(10) for f in adders], compose(abs, str, len)(-123), (lambda *a, k=1, **kw: (a, k, kw))(1, 2, z=3)]
