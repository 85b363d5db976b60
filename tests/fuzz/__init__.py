"""Random calls of every RPC and REST route, derived from the descriptors, against the real service: none may break it.

`test_fuzz_parsers.py` asks the same of each parser of ours alone, by hypothesis.
"""
