from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
def run():
    a, b = {1, 2, 3}, {2, 3, 4}
    d = {"x": 1}
    d.setdefault("y", []).append(2)
    d |= {"z": 3}
    d.update(w=4)
    popped = d.pop("x")
    groups = defaultdict(lambda: defaultdict(int))
    for word in "apple avocado banana".split():
        groups[word[0]][len(word)] += 1
    words = Counter("mississippi")
    words.update("ss")
    words["m"] -= 1
    queue = deque([1, 2, 3], maxlen=3)
    queue.append(4)
    queue.rotate(1)
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    chained = ChainMap({"a": 1}, {"a": 2, "b": 3})
    nested = {"a": {"b": {"c": 1}}}
    nested["a"]["b"]["c"] += 1
    nested["a"]["b"].update(d=[1])
    del nested["a"]["b"]["d"][0]
    return [sorted(a | b), sorted(a & b), sorted(a ^ b), a - b == {1}, a <= {1, 2, 3, 4}, d, popped, {k: dict(v) for k, v in groups.items()}, words.most_common(2), list(queue), list(ordered), chained["a"], chained["b"], chained.maps[1]["a"], nested, list(zip(d, d.values())), frozenset([1]) in {frozenset([1])}, dict.fromkeys("ab", 0), list(d.items())[0]]
