class Matrix:
    def __init__(self, rows): self.rows = [list(r) for r in rows]
    @classmethod
    def identity(cls, n): return cls([[int(i == j) for j in range(n)] for i in range(n)])
    @staticmethod
    def dot(a, b): return sum(x * y for x, y in zip(a, b))
    def __matmul__(self, other): return Matrix([[self.dot(r, c) for c in zip(*other.rows)] for r in self.rows])
    def __getitem__(self, at):
        i, j = at
        return self.rows[i][j]
    def __setitem__(self, at, value):
        i, j = at
        self.rows[i][j] = value
    @property
    def T(self): return Matrix(zip(*self.rows))
    def __str__(self): return "\n".join(" ".join(map(str, r)) for r in self.rows)
def run():
    m = Matrix([[1, 2], [3, 4]])
    m[0, 1] += 5
    return [str(m @ Matrix.identity(2)), str(m.T), m[0, 1]]
