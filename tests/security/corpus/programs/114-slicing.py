def run():
    x = list(range(10))
    y = x[2:8:2]
    x[1:3] = ["a", "b", "c"]
    del x[-2:]
    x[::3] = [0] * len(x[::3])
    x[0] += 5
    z = x[:]
    z.insert(0, -1)
    z.extend([1, 2])
    z.remove(2)
    return [x, y, z, z.pop(), z.index(-1), x.count(0), (1, 2, 3)[1:], [*range(5)][slice(1, 3)], [[1, 2], [3, 4]][1][0]]
