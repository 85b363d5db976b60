from operator import itemgetter
def run():
    people = [{"name": "Bo", "age": 30}, {"name": "Al", "age": 25}, {"name": "Cy", "age": 30}]
    by_age = sorted(people, key=lambda p: (-p["age"], p["name"]))
    people.sort(key=itemgetter("name"), reverse=True)
    return [by_age, people, min(people, key=lambda p: p["age"]), max([1, 3, 2]), sorted("bca"), sorted({"b": 1, "a": 2}),
            list(reversed([1, 2])), min([], default=0), sorted([(1, "b"), (1, "a")])]
