# attack: hash-collisions
# layer: language
# class: dos-cpu
# success: keys with the same hash
class K:
    def __hash__(self):
        return 1
    def __eq__(self, other):
        return False
def run():
    return len({K(): 1 for _ in range(100000)})
