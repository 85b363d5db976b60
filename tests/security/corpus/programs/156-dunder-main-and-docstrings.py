'''Docstring.'''
class Documented:
    """About the class."""
    def method(self):
        """About the method."""
def run():
    return [Documented.__doc__, Documented.method.__doc__, Documented.__name__, Documented().method.__name__, run.__name__, len.__name__, (lambda: 0).__name__]
