"""The command line: `task-server up | server | gateway | worker | scheduler | migrate | health | token | secrets`.

Each command loads only what it needs, because each role is a process of its own that pays for its imports in start-up and memory.
"""
