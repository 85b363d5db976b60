def run():
    matrix = [[1, 2, 3], [4, 5, 6]]
    flat = [x for row in matrix for x in row if x % 2]
    transposed = [[row[i] for row in matrix] for i in range(3)]
    squares = {x: x ** 2 for x in flat}
    pairs = {(a, b) for a in "ab" for b in "cd"}
    nested = [(i, [j for j in range(i)]) for i in range(3)]
    swapped = {v: k for k, v in squares.items()}
    by_pair = [a + b for a, b in [(1, 2), (3, 4)]]
    deep = [a + b + c for a, (b, c) in [(1, (2, 3))]]
    return [flat, transposed, squares, sorted(pairs), nested, swapped, by_pair, deep]
