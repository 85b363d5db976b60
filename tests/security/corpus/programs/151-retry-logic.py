import random, time
class Flaky:
    def __init__(self, fails): self.fails = fails
    def __call__(self):
        if self.fails:
            self.fails -= 1
            raise ConnectionError(f"{self.fails} left")
        return "ok"
def retry(function, attempts=5, delay=0.0001):
    log = []
    for attempt in range(1, attempts + 1):
        try:
            return function(), log
        except (ConnectionError, TimeoutError) as error:
            log.append(f"{attempt}: {error}")
            time.sleep(delay * 2 ** attempt)
    raise RuntimeError("gave up") from None
def run():
    random.seed(5)
    seeded = random.Random(1)
    sample = [seeded.randint(1, 6) for _ in range(3)]
    try:
        retry(Flaky(9), 2)
    except RuntimeError as error:
        return [retry(Flaky(2)), str(error), sample, random.randint(1, 100), random.sample(range(10), 3)]
