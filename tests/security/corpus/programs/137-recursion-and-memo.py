from functools import cache, lru_cache
@cache
def ways(n): return 1 if n <= 1 else ways(n - 1) + ways(n - 2)
@lru_cache(maxsize=128)
def edit(a, b):
    if not a or not b: return len(a) + len(b)
    if a[0] == b[0]: return edit(a[1:], b[1:])
    return 1 + min(edit(a[1:], b), edit(a, b[1:]), edit(a[1:], b[1:]))
def flatten(x):
    return [y for item in x for y in (flatten(item) if isinstance(item, list) else [item])]
def permutations(s):
    return [s] if len(s) < 2 else [c + p for i, c in enumerate(s) for p in permutations(s[:i] + s[i + 1:])]
def run():
    return [ways(80), edit("kitten", "sitting"), flatten([1, [2, [3, [4]]]]), permutations("abc"), ways.cache_info().currsize]
