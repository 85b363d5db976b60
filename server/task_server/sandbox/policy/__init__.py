"""The language layer: which Python a task may be written in, and what it can reach.

It is one layer of several. RestrictedPython rewrites every access to a call of a guard, and the guards here are
stricter than its own; still the walls are those of the operating system.
"""
