# attack: fstring-debug
# layer: language
# class: leak
# success: f"{x=}" with special names
def run():
    return f"PWNED {().__class__.__mro__=}"
