def producer(n):
    for i in range(n):
        yield {"id": i}
def stage(source, **changes):
    for item in source:
        yield {**item, **changes, "n": len(item)}
def broadcast(source, *sinks):
    for item in source:
        for sink in sinks:
            sink(item)
def grep(word, out):
    try:
        while True:
            line = yield
            if word in line:
                out.append(line)
    except GeneratorExit:
        out.append("closed")
def run():
    a, b = [], []
    broadcast(stage(producer(2), ok=True), a.append, lambda item: b.append(item["id"]))
    found = []
    g = grep("x", found)
    g.send(None)
    g.send("xy")
    g.send("ab")
    g.close()
    return [a, b, found]
