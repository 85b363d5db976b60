from enum import Enum, auto, unique
class Color(Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1
    def describe(self): return f"{self.name.lower()}={self.value}"
    @classmethod
    def default(cls): return cls.GREEN
@unique
class State(Enum):
    NEW = auto()
    DONE = auto()
class Planet(Enum):
    EARTH = (5.97, 6.37)
    MARS = (0.64, 3.39)
    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius
    @property
    def ratio(self): return round(self.mass / self.radius, 2)
def run():
    errors = []
    for attempt in (lambda: Color(9), lambda: Color["BLUE"], lambda: unique(Color)):
        try: attempt()
        except (ValueError, KeyError) as e: errors.append(type(e).__name__)
    return [Color.RED.name, Color(2).name, Color["GREEN"].value, [c.name for c in Color], len(Color), Color.RED is Color.CRIMSON, Color.RED == Color.GREEN, str(Color.RED), repr(Color.RED), Color.RED.describe(), Color.default().name, State.DONE.value, Planet.EARTH.ratio, Planet.MARS.mass, {Color.RED: 1}[Color.RED], isinstance(Color.RED, Color), Color.RED in Color, errors]
