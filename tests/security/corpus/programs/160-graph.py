from collections import deque
class Graph:
    def __init__(self): self._edges = {}
    def add(self, a, b):
        self._edges.setdefault(a, set()).add(b)
        self._edges.setdefault(b, set()).add(a)
    def bfs(self, start):
        seen, queue = {start}, deque([start])
        while queue:
            node = queue.popleft()
            yield node
            for other in sorted(self._edges[node] - seen):
                seen.add(other)
                queue.append(other)
    def path(self, a, b, _seen=frozenset()):
        if a == b:
            return [a]
        for other in sorted(self._edges[a] - _seen):
            if rest := self.path(other, b, _seen | {a}):
                return [a, *rest]
        return None
def topological(deps):
    done, order = set(), []
    def visit(n, trail=()):
        if n in trail: raise ValueError("cycle: " + " -> ".join((*trail, n)))
        if n not in done:
            for d in deps.get(n, ()): visit(d, (*trail, n))
            done.add(n)
            order.append(n)
    for n in deps: visit(n)
    return order
def run():
    g = Graph()
    for a, b in ["ab", "bc", "cd", "ae"]: g.add(a, b)
    try: topological({"a": ["b"], "b": ["a"]})
    except ValueError as e: cycle = str(e)
    return [list(g.bfs("a")), g.path("e", "d"), topological({"app": ["db", "log"], "db": ["log"]}), cycle]
