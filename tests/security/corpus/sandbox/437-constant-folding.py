# attack: constant-folding
# layer: language
# class: dos-mem
# success: constants that the compiler folds into something huge
def run():
    return len("a" * 4096 * 4096 * 4096) + 2 ** 1000000 ** 10
