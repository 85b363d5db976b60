"""The composition root: each process, and each command of an operator, is put together here, a file for each.

A command loads its own file and with that all it needs, and nothing of the others.
"""
