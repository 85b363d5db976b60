def classify(n):
    if n < 0: return "negative"
    elif n == 0: return "zero"
    else: return "positive" if n < 100 else "large"
def run():
    out = []
    for i in range(2, 12):
        for j in range(2, i):
            if i % j == 0:
                break
        else:
            out.append(i)
    n = 10
    while n:
        n -= 3
        if n < 0:
            break
    else:
        out.append("exact")
    x = 5
    chained = 1 < x <= 5 != 6
    a = b = c = 0
    a, b = b + 1, a + 2
    pass
    ...
    lookup = {"add": lambda p, q: p + q, "neg": lambda p, _q: -p}
    return [out, n, classify(-1), classify(0), classify(5), classify(500), chained, a, b, c, not x, x and 0 or "default", None is None, 3 in [3], lookup["add"](1, 2), lookup["neg"](1, 2), [i for i in range(20) if not i % 7]]
