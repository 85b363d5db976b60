class Outer:
    class Inner:
        value = 1
        def outer_name(self): return Outer.name
    name = "outer"
    items = [Inner(), Inner()]
    def make(self):
        class Local(Outer.Inner):
            def outer_name(self): return "local " + super().outer_name()
        return Local()
    if name:
        flag = True
        def conditional(self): return "defined"
    for letter in "ab":
        pass
def run():
    o = Outer()
    return [o.make().outer_name(), Outer.Inner.value, len(Outer.items), o.flag, o.conditional(), Outer.letter, type(o.make()).__name__]
