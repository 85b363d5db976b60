class Thing:
    shared = []
    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
    def __eq__(self, other): return vars(self) == vars(other)
    def __repr__(self): return f"{self.__class__.__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"
sentinel = object()
def run():
    t = Thing(a=1, b=[2])
    t.a -= 3
    t.b[0] <<= 2
    t.c = t.d = {}
    t.c["k"] = 1
    delattr(t, "d")
    del t.a
    return [repr(t), vars(t), hasattr(t, "a"), getattr(t, "zz", None), getattr(t, "zz", sentinel) is sentinel, t == Thing(b=[8], c={"k": 1}), Thing.shared is t.shared, callable(Thing), type(t) is Thing, isinstance(t, object)]
