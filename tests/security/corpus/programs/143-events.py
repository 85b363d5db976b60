from dataclasses import dataclass, field
from typing import Callable
import heapq, itertools
@dataclass(order=True)
class Event:
    at: int
    order: int
    action: Callable = field(compare=False)
class Simulator:
    def __init__(self):
        self.now, self._queue, self._order, self.log = 0, [], itertools.count(), []
    def after(self, delay, action):
        heapq.heappush(self._queue, Event(self.now + delay, next(self._order), action))
    def run(self):
        while self._queue:
            event = heapq.heappop(self._queue)
            self.now = event.at
            event.action()
def run():
    sim = Simulator()
    def tick(n):
        sim.log.append((sim.now, n))
        if n:
            sim.after(2, lambda: tick(n - 1))
    sim.after(1, lambda: tick(2))
    sim.after(0, lambda: sim.log.append("first"))
    sim.run()
    return sim.log
