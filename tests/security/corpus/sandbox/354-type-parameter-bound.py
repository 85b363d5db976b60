# attack: type-parameter-bound
# layer: language
# class: escape
# success: def f[T: expression] evaluates past the guards (3.12)
def run():
    def f[T: ().__class__](x: T): return x
    return "PWNED" if f(1).__type_params__ else "no"
