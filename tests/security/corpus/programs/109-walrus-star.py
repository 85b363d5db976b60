def run():
    data = [1, 2, 3, 4, 5]
    if (n := len(data)) > 3:
        first, *middle, last = data
    while (item := data.pop()) > 3:
        pass
    filtered = [y for x in range(6) if (y := x * x) > 5]
    a, (b, *c), d = 1, (2, 3, 4), 5
    [e, f] = "xy"
    g = h = [0]
    *init, tail = "abc"
    merged = {**{"a": 1}, **{"b": 2, "a": 3}}
    joined = [*range(3), *"ab"]
    def f2(*args, key=None, **kwargs):
        return [args, key, kwargs]
    return [n, middle, last, item, filtered, [a, b, c, d], e, f, g is h, init, tail, merged, joined, f2(*[1, 2], **{"key": 3, "z": 4})]
