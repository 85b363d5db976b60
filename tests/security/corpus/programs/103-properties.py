class Celsius:
    def __init__(self, degrees=0):
        self._degrees = degrees
    @property
    def degrees(self):
        "The temperature."
        return self._degrees
    @degrees.setter
    def degrees(self, value):
        if value < -273:
            raise ValueError("too cold")
        self._degrees = value
    @degrees.deleter
    def degrees(self):
        self._degrees = 0
    fahrenheit = property(lambda self: self._degrees * 9 / 5 + 32)
def run():
    c = Celsius(20)
    c.degrees += 10
    first = c.fahrenheit
    try:
        c.degrees = -300
    except ValueError as e:
        error = str(e)
    del c.degrees
    return [first, error, c.degrees]
