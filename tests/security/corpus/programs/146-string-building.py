import io, string
def caesar(text, n):
    table = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[n:] + string.ascii_lowercase[:n])
    return text.translate(table)
def roman(n):
    out = ""
    for value, letters in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        while n >= value:
            out += letters
            n -= value
    return out
def run():
    out = io.StringIO()
    out.write("a")
    print("b", 1, sep="-", end=";", file=out)
    template = "Dear {name},\nyour {thing:>8} costs {price:.2f}."
    return [out.getvalue(), caesar("hello", 3), roman(29), template.format(name="A", thing="tea", price=3), string.capwords("a b"), "".join(reversed("abc")), "abc" "def", r"\n", 'a' + "b" 'c', """x
y""", "palindrome" == "palindrome"[::-1], sorted(set("hello")), "-".join(str(i) for i in range(3))]
