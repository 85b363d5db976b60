class Vector:
    def __init__(self, *parts): self.parts = list(parts)
    def __add__(self, other): return Vector(*(a + b for a, b in zip(self.parts, other.parts)))
    def __radd__(self, other): return self if other == 0 else NotImplemented
    def __iadd__(self, other):
        self.parts = [a + b for a, b in zip(self.parts, other.parts)]
        return self
    def __mul__(self, k): return Vector(*(a * k for a in self.parts))
    def __matmul__(self, other): return sum(a * b for a, b in zip(self.parts, other.parts))
    def __neg__(self): return self * -1
    def __eq__(self, other): return isinstance(other, Vector) and self.parts == other.parts
    def __hash__(self): return hash(tuple(self.parts))
    def __len__(self): return len(self.parts)
    def __getitem__(self, i): return self.parts[i]
    def __setitem__(self, i, v): self.parts[i] = v
    def __delitem__(self, i): del self.parts[i]
    def __contains__(self, v): return v in self.parts
    def __iter__(self): return iter(self.parts)
    def __reversed__(self): return reversed(self.parts)
    def __bool__(self): return any(self.parts)
    def __abs__(self): return sum(a * a for a in self.parts) ** 0.5
    def __round__(self, n=0): return Vector(*(round(p, n) for p in self.parts))
    def __int__(self): return int(abs(self))
    def __float__(self): return float(abs(self))
    def __repr__(self): return f"Vector{tuple(self.parts)}"
    def __lt__(self, other): return abs(self) < abs(other)
    def __call__(self, f): return Vector(*map(f, self.parts))
    def __pow__(self, n): return Vector(*(a ** n for a in self.parts))
    def __and__(self, other): return "and"
    def __divmod__(self, n): return (1, n)
def run():
    v = Vector(3, 4)
    w = v
    w += Vector(1, 1)
    w[0] *= 2
    x = Vector(1, 2, 3)
    del x[1]
    return [repr(v + Vector(1, 1)), v is w, repr(w), v @ v, repr(-v), v == Vector(8, 5), len(v), v[0], 5 in v, list(reversed(v)), bool(Vector(0)), abs(Vector(3, 4)), int(Vector(3, 4)), float(v) > 9, sorted([Vector(2), Vector(1)])[0][0], repr(v(str)), repr(sum([Vector(1), Vector(2)])), repr(x), v & 1, divmod(v, 2), repr(v ** 2), repr(round(Vector(1.26), 1)), len({Vector(1), Vector(1)})]
