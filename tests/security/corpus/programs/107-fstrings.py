import datetime
class Money:
    def __init__(self, amount): self.amount = amount
    def __format__(self, spec): return f"{self.amount:{spec or '.2f'}} EUR"
    def __repr__(self): return f"Money({self.amount!r})"
def run():
    name, width, value = "Ann", 10, 1234.5678
    when = datetime.datetime(2026, 3, 4, 5, 6)
    return [
        f"{name:>{width}}|{name:^10}|{name:*<6}", f"{value:,.2f} {value:e} {value:08.1f} {int(value):#x} {int(value):b}",
        f"{name!r} {name!s} {'ü'!a}", f"{when:%Y-%m-%d %H:%M}", f"{Money(3)} {Money(3):.0f} {Money(3)!r}",
        f"{value=:.1f} {name=}", f"{{literal}} {1 + 1} {[x for x in 'ab']}", f"{0.256:.1%}", f"{'nested ' + f'{name}'}",
    ]
