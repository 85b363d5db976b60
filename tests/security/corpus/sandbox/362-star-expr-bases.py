# attack: star-expr-bases
# layer: language
# class: escape
# success: class A(*bases) derives from what is not allowed
def run():
    class A(*[str]):
        pass
    return "PWNED " + A("x")
