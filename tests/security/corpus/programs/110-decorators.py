import functools, time
def timed(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = func(*args, **kwargs)
        wrapper_calls.append((func.__name__, time.perf_counter() - start >= 0))
        return result
    return wrapper
def repeat(times):
    def decorator(func):
        def wrapper(*args):
            return [func(*args) for _ in range(times)]
        return wrapper
    return decorator
class Memo:
    def __init__(self, func): self.func, self.seen = func, {}
    def __call__(self, n):
        if n not in self.seen:
            self.seen[n] = self.func(n)
        return self.seen[n]
def register(cls):
    registry[cls.__name__] = cls
    return cls
wrapper_calls, registry = [], {}
@timed
def add(a, b=2):
    """Adds."""
    return a + b
@repeat(3)
def twice(x): return x * 2
@Memo
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@register
class Plugin: pass
@functools.lru_cache(maxsize=None)
def slow(n): return n * n
def run():
    slow(3), slow(3)
    return [add(1), add(1, b=5), add.__name__, add.__doc__, twice(4), fib(30), wrapper_calls, list(registry), slow.cache_info().hits]
