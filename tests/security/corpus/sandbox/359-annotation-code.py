# attack: annotation-code
# layer: language
# class: escape
# success: code in annotations runs
seen = []
def run(x: seen.append(1) = 0) -> seen.append(2):
    y: seen.append(3) = 1
    class A:
        z: seen.append(4)
    return "PWNED" if seen else "no"
