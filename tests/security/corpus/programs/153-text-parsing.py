import re
TOKEN = re.compile(r"\s*(?:(\d+\.?\d*)|(.))")
def tokens(text):
    for number, operator in TOKEN.findall(text):
        yield float(number) if number else operator
class Parser:
    def __init__(self, text):
        self._tokens = list(tokens(text)) + [None]
        self._at = 0
    def _peek(self): return self._tokens[self._at]
    def _take(self):
        self._at += 1
        return self._tokens[self._at - 1]
    def expression(self):
        value = self.term()
        while self._peek() in ("+", "-"):
            value = value + self.term() if self._take() == "+" else value - self.term()
        return value
    def term(self):
        value = self.factor()
        while self._peek() in ("*", "/"):
            value = value * self.factor() if self._take() == "*" else value / self.factor()
        return value
    def factor(self):
        token = self._take()
        if token == "(":
            value = self.expression()
            self._take()
            return value
        if token == "-":
            return -self.factor()
        return token
def run():
    return [Parser(t).expression() for t in ("1 + 2 * 3", "(1 + 2) * 3", "10 / 4 - 1", "-(2 + 3) * 2")]
