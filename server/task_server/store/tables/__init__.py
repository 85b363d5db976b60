"""The tables as they are now. `migrations/` leads there; `tests/conformance/store` proves that both say the same.

Times are microseconds in BIGINT (see `domain.clock`); JSON is kept as text, exactly as it came.
"""
