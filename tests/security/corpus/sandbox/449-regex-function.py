# attack: regex-function
# layer: language
# class: dos-cpu
# success: a pattern that backtracks for ever, by re.sub with a function
import re
def run():
    return re.sub(r"(x+x+)+y", lambda m: "", "x" * 60)
