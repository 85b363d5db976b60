import math, statistics
from itertools import accumulate, chain, combinations, count, cycle, groupby, islice, product, takewhile, zip_longest
from functools import partial, reduce
def run():
    data = [2, 4, 4, 4, 5, 5, 7, 9]
    return [statistics.mean(data), statistics.median(data), statistics.mode(data), statistics.pstdev(data), statistics.quantiles(data, n=4), round(statistics.NormalDist(5, 2).cdf(7), 4),
            math.gcd(12, 18), math.isclose(math.pi, 3.14159, abs_tol=1e-4), math.ceil(1.2), math.prod([1, 2, 3]), math.comb(5, 2), math.hypot(3, 4), list(accumulate(data)), list(chain([1], [2])), list(combinations("abc", 2)), list(islice(count(5, 2), 3)), list(islice(cycle("ab"), 4)),
            {k: len(list(g)) for k, g in groupby("aabbb")}, len(list(product("ab", repeat=3))), list(takewhile(lambda x: x < 5, data)), list(zip_longest([1], [2, 3], fillvalue=0)), reduce(lambda a, b: a * b, [1, 2, 3, 4]), partial(pow, 2)(5), partial(int, base=2)("101"), sum(data) / len(data), divmod(17, 5), round(2.567, 1), abs(-3), 7 // 2, -7 % 3, 2 ** 10, 1 << 4, 0b101 ^ 3, ~5, complex(1, 2).imag, float("inf") > 1, int("ff", 16), bin(5), hex(255), 1_000_000, True + 1]
