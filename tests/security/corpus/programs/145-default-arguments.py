def f(a, b=2, /, c=3, *args, d, e=5, **kw):
    return [a, b, c, args, d, e, kw]
def g(items=None):
    items = [] if items is None else items
    items.append(1)
    return items
def h(x, *, flag: bool = False) -> str:
    return "yes" if flag else "no"
def run():
    return [f(1, d=4), f(1, 2, 3, 4, 5, d=6, z=7), g(), g([0]), h(1, flag=True), h(1), (lambda a, /, *, b=1: a + b)(2, b=3)]
