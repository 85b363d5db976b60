import bisect, calendar, copy, heapq
def dijkstra(graph, start):
    distances, heap = {start: 0}, [(0, start)]
    while heap:
        d, node = heapq.heappop(heap)
        if d > distances[node]:
            continue
        for neighbour, weight in graph[node].items():
            if (new := d + weight) < distances.get(neighbour, float("inf")):
                distances[neighbour] = new
                heapq.heappush(heap, (new, neighbour))
    return distances
def primes(n):
    sieve = [True] * (n + 1)
    for i in range(2, int(n ** 0.5) + 1):
        if sieve[i]:
            sieve[i * i::i] = [False] * len(sieve[i * i::i])
    return [i for i in range(2, n + 1) if sieve[i]]
def quicksort(xs):
    if len(xs) <= 1:
        return xs
    pivot, *rest = xs
    return quicksort([x for x in rest if x < pivot]) + [pivot] + quicksort([x for x in rest if x >= pivot])
def hanoi(n, a="A", b="B", c="C"):
    return [] if n == 0 else hanoi(n - 1, a, c, b) + [(a, c)] + hanoi(n - 1, b, a, c)
class Box:
    def __init__(self): self.items = [[1], {"a": [2]}]
def run():
    a = Box()
    b, c = copy.deepcopy(a), copy.copy(a)
    a.items[0].append(9)
    sorted_list = [1, 3, 5]
    bisect.insort(sorted_list, 4)
    return [dijkstra({"a": {"b": 1, "c": 4}, "b": {"c": 2}, "c": {}}, "a"), primes(30), quicksort([3, 1, 2]), len(hanoi(4)), b.items, c.items, sorted_list, bisect.bisect(sorted_list, 3), heapq.nlargest(2, [1, 5, 3]), calendar.monthrange(2026, 2)[1], calendar.isleap(2024), calendar.month_name[3], copy.deepcopy({"x": (1, [2])})]
