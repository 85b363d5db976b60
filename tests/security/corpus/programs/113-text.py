def run():
    s = "  Hello, World  "
    words = "the quick brown fox".split()
    return [s.strip().lower().replace("o", "0"), s.strip().partition(","), " ".join(w.capitalize() for w in words), "a-b_c".translate(str.maketrans("-_", "  ")),
            "x".center(5, "*"), "7".zfill(3), "a\tb".expandtabs(4), "abc".find("c"), "abcabc".rfind("b"), "line1\nline2".splitlines(), "ab12".isalnum(),
            "%s is %d years and %.1f%%" % ("Al", 30, 99.5), "%(a)s-%(b)03d" % {"a": "x", "b": 7}, "{:>5}|{:<5}|{:^5}".format(1, 2, 3), "{0} {1} {0}".format("a", "b"),
            "{name} {items[0]}".format(name="n", items=[1]), "straße".casefold(), "ü".encode().hex(), bytes([104, 105]).decode(), "a,b;c".replace(";", ",").split(","),
            "abc"[::-1], "hello"[1:-1:2], "abc" * 2, "b" in "abc", "abc".removeprefix("a").removesuffix("c"), "Ab".swapcase(), "a b".title(), ord("a"), chr(98), repr("q'"), ascii("é")]
