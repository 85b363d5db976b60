"""A module with everything around it."""
__all__ = ["run"]
__version__ = "1.0"
__author__ = "somebody"
import json
CONSTANT = 3
class Small:
    __slots__ = ("a", "b")
    def __init__(self):
        self.a = 1
def main():
    """Say it."""
    print(json.dumps({"a": CONSTANT}))
    return main.__doc__
def run():
    return [main(), Small().a, __name__ != "__main__"]
if __name__ == "__main__":
    main()
