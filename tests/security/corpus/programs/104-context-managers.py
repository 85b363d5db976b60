from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
class Timer:
    def __init__(self, log): self.log = log
    def __enter__(self):
        self.log.append("in")
        return self
    def __exit__(self, kind, error, trace):
        self.log.append(kind.__name__ if kind else "out")
        return kind is KeyError
@contextmanager
def tag(name, log):
    log.append(f"<{name}>")
    try:
        yield name
    finally:
        log.append(f"</{name}>")
class Door:
    closed = False
    def close(self): self.closed = True
def run():
    log = []
    with Timer(log) as a, tag("b", log) as b:
        log.append(b)
    with Timer(log):
        raise KeyError("swallowed")
    with suppress(ZeroDivisionError, TypeError):
        1 / 0
    door = Door()
    with closing(door):
        pass
    with ExitStack() as stack:
        stack.callback(log.append, "callback")
        stack.enter_context(tag("c", log))
    with nullcontext(5) as five:
        log.append(five)
    with (
        tag("d", log),
        tag("e", log) as (e),
    ):
        pass
    return [log, door.closed]
