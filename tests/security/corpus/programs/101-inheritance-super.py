class Animal:
    kind = "animal"
    def __init__(self, name, *, legs=4):
        self.name = name
        self._legs = legs
    def speak(self):
        return f"{self.name} makes a sound"
    @classmethod
    def make(cls, name):
        return cls(name)
class Dog(Animal):
    kind = "dog"
    def __init__(self, name, tricks=()):
        super().__init__(name, legs=4)
        self.tricks = list(tricks)
    def speak(self):
        return super().speak() + ": woof"
class Puppy(Dog):
    def __init__(self, name):
        super(Puppy, self).__init__(name, ["sit"])
        Animal.__init__(self, name.upper(), legs=3)
    @classmethod
    def make(cls, name):
        made = super().make(name)
        made.tricks.append("roll")
        return made
def run():
    puppy = Puppy.make("rex")
    return [puppy.speak(), puppy.tricks, puppy._legs, puppy.kind, isinstance(puppy, Animal), issubclass(Dog, Animal), Puppy.__name__]
