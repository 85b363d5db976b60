class LazyList:
    def __init__(self, source): self._source, self._seen = iter(source), []
    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(index.start or 0, index.stop, index.step or 1)]
        while len(self._seen) <= index:
            self._seen.append(next(self._source))
        return self._seen[index]
class Grid:
    def __init__(self, w, h): self._cells = {(x, y): 0 for x in range(w) for y in range(h)}
    def __getitem__(self, at): return self._cells[at]
    def __setitem__(self, at, v): self._cells[at] = v
    def neighbours(self, x, y):
        return sum(self._cells.get((x + dx, y + dy), 0) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))
def run():
    squares = LazyList(x * x for x in range(100))
    g = Grid(3, 3)
    for x in range(3): g[x, 1] = 1
    return [squares[3], squares[1:4], [[g.neighbours(x, y) for x in range(3)] for y in range(3)]]
