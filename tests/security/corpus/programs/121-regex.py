import re
def run():
    pattern = re.compile(r"(?P<user>[\w.]+)@(?P<host>\w+)\.(com|org)", re.I)
    text = "Mail bob.smith@example.com or ANN@site.ORG!"
    m = pattern.search(text)
    return [m.group("user"), m.groups(), m.span(), m.groupdict(), [x.group(0) for x in pattern.finditer(text)], pattern.sub(lambda m: m["user"].upper() + "@...", text), re.split(r"[,;]\s*", "a, b;c"), re.findall(r"\d+", "a1b22"), re.fullmatch(r"\d{3}", "123") is not None, re.escape("a.b"), re.sub(r"(\w)(\w)", r"\2\1", "abcd"), m.re.pattern == pattern.pattern, m.string == text, m.expand(r"\g<host>"), re.match("x", "y") is None, isinstance(m, re.Match), pattern.groupindex["host"], m.start("host"), bool(pattern.flags & re.IGNORECASE)]
