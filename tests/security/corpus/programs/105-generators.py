def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b
def chain(*sources):
    for source in sources:
        yield from source
    return "done"
def averager():
    total, count, value = 0, 0, None
    while True:
        value = yield (total / count if count else None)
        if value is None:
            return total
        total += value
        count += 1
def run():
    first = []
    for n in fibonacci():
        if n > 50:
            break
        first.append(n)
    def outer():
        result = yield from chain("ab", [1, 2])
        yield result
    coroutine = averager()
    next(coroutine)
    means = [coroutine.send(10), coroutine.send(20)]
    try:
        coroutine.send(None)
    except StopIteration as stop:
        means.append(stop.value)
    def closing():
        try:
            yield 1
        finally:
            means.append("closed")
    c = closing()
    next(c)
    c.close()
    return [first, list(outer()), means, sum(x * x for x in range(5)), max((len(w), w) for w in "a bbb cc".split())]
