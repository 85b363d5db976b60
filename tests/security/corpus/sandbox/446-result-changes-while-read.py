# attack: result-changes-while-read
# layer: language
# class: result
# success: what generators do when they are collected changes the result amid its serialisation
data = {str(i): [] for i in range(20000)}
def g():
    try:
        yield
    finally:
        for i in range(20000, 60000):
            data[str(i)] = 1
class Node:
    pass
def run():
    n = Node()
    n.me = n
    n.g = g()
    next(n.g)
    return data
